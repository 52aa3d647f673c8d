import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { down, up } from './cluster.ts';
import { startAll } from './components.ts';
import { API_SERVER, controlPlane } from './control-plane/control-plane.ts';
import { csiControllers } from './csi.ts';
import { environment } from './env.ts';
import { showLog } from './logs.ts';
import { stopDaemon } from './machine/daemons.ts';
import { inTurn } from './machine/lock.ts';
import { addNode, dropNode, execOnNode } from './node/commands.ts';
import { CONTAINERD_VERSIONS } from './node/config.ts';
import { registries, stopRegistries } from './registry.ts';
import { pushImages } from './sample-images.ts';
import { type Cluster, readCluster, STATE } from './state.ts';

const log = (line: string): void => console.error(line);
const containerd = {
  type: 'string' as const,
  choices: CONTAINERD_VERSIONS,
  default: '2' as const,
  describe: 'Version of containerd',
};

const cluster = async (): Promise<Cluster> => {
  const known = await readCluster(STATE);
  if (!known) throw new Error(`no cluster in ${STATE}; boot one with: npm run -s cluster -- up`);
  return known;
};

await yargs(hideBin(process.argv))
  .scriptName('cluster')
  .usage('A real Kubernetes cluster for tests, on this machine. State is kept in $KUBECTL_PRELOAD_CLUSTER_STATE.')
  .parserConfiguration({ 'populate--': true, 'unknown-options-as-args': true })
  .command('up', 'Boot the cluster', { containerd }, (argv) => inTurn(STATE, () => up(STATE, argv.containerd, log)))
  .command('down', 'End the cluster and remove all it had', {}, () => inTurn(STATE, () => down(STATE)))
  .command('env', 'Print shell lines that point at the cluster', {}, async () =>
    console.log(await environment(await cluster())),
  )
  .command('images', 'Push the sample images and print their names', {}, async () => pushImages(await cluster(), log))
  .command(
    'node <action> <name>',
    'Add, remove or enter a node',
    (command) =>
      command
        .positional('action', { choices: ['add', 'rm', 'exec'] as const, demandOption: true })
        .positional('name', { type: 'string', demandOption: true })
        .option('containerd', containerd)
        .option('own', {
          type: 'boolean',
          default: false,
          describe: 'Start containerd with a configuration file, a socket and a root of its own, as k3s does',
        })
        .option('snapshot', { type: 'string', describe: 'Handle of the snapshot that becomes the disk at /preload' })
        .option('early', {
          type: 'boolean',
          default: false,
          describe: 'Also run restore.sh --before-containerd before containerd starts',
        })
        .option('restore', { type: 'string', nargs: 1, default: '', describe: 'Arguments of /preload/restore.sh' }),
    async (argv) => {
      const { action, name } = argv;
      if (action === 'add') process.exitCode = await addNode(await cluster(), { ...argv, name }, log);
      else if (action === 'rm') await dropNode(await cluster(), name);
      else process.exitCode = await execOnNode(await cluster(), name, (argv['--'] as string[] | undefined) ?? []);
    },
  )
  .command(
    'registry <action>',
    'Take both registries away, or back',
    (command) => command.positional('action', { choices: ['stop', 'start'] as const, demandOption: true }),
    async ({ action }) => {
      const known = await cluster();
      await (action === 'stop' ? stopRegistries(known) : startAll(known, registries(known)));
    },
  )
  .command(
    'api-server <action>',
    'Take the API server away, or back with all that its absence has ended',
    (command) => command.positional('action', { choices: ['stop', 'start'] as const, demandOption: true }),
    async ({ action }) => {
      const known = await cluster();
      if (action === 'stop') await stopDaemon(known, API_SERVER);
      else await startAll(known, [...controlPlane(known), ...csiControllers(known)]);
    },
  )
  .command(
    'logs [component]',
    'Print the log of a component, e.g. kube-apiserver or worker/kubelet',
    (command) => command.positional('component', { type: 'string' }),
    async ({ component }) => showLog(await cluster(), component),
  )
  .demandCommand(1)
  .strict()
  .fail((message, error) => {
    console.error(`error: ${[error?.message ?? message, error?.cause].filter(Boolean).join(': ')}`);
    process.exit(1);
  })
  .parseAsync();
