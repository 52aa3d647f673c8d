import { readlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path/posix';
import type { NodeTools } from '../model/request.ts';
import { inNode, run, splitWords } from './command.ts';
import { type ContainerdConfig, parseContainerdConfig } from './containerd-config.ts';
import { daemonsOf, flagOf, type NodeDaemon } from './daemons.ts';
import { exists, pathHere, readNodeFile } from './files.ts';

/** The containerd that the node's kubelet uses. */
export interface Containerd {
  /** `ctr` or the words that run it on the node, without flags */
  ctrCommand: string[];
  /** that lead ctr to this containerd */
  ctrFlags: string[];
  /** path or name of its program on the node */
  program: string;
  environment: Readonly<Record<string, string>>;
  config: ContainerdConfig;
}

/** Name of the configuration of the containerds that captures start. */
export const PRIVATE_CONFIG = 'kubectl-preload.toml';

const DEFAULTS = { ctr: 'ctr', program: 'containerd' };
const OTHER_CTR = ['k3s ctr', '/var/lib/rancher/rke2/bin/ctr', 'k0s ctr', 'microk8s.ctr'];

/**
 * Finds the containerd that runs on the node at `root`, because only that knows its configuration: k3s, for example, starts
 * its own. What the flags in `tools` specify takes precedence.
 */
export const findContainerd = async (
  root: string,
  tools: NodeTools,
  report: (warning: string) => void,
  signal: AbortSignal,
): Promise<Containerd> => {
  const flags = splitWords(tools.ctrFlags);
  const address = flagOf(flags, '--address', '-a');
  const daemon = await findDaemon(root, address, signal);
  if (!daemon) report("cannot find the node's containerd; using the default settings of its program");
  const own = daemon?.program;
  const program = (tools.containerdPath === DEFAULTS.program && own) || tools.containerdPath;
  const config = daemon?.config ?? (await dump(root, program, undefined, signal));
  return {
    ctrCommand: await findCtr(root, tools.ctrPath, own),
    ctrFlags: [...flags, ...(address === undefined ? ['--address', config.address] : [])],
    program,
    environment: daemon?.environment ?? {},
    config,
  };
};

interface RunningContainerd extends NodeDaemon {
  /** path on the node; undefined if it was replaced since the daemon started */
  program: string | undefined;
  config: ContainerdConfig;
}

/** Returns the containerd at `address`, or the first one with CRI: Docker, for example, has one without it. */
const findDaemon = async (
  root: string,
  address: string | undefined,
  signal: AbortSignal,
): Promise<RunningContainerd | undefined> => {
  const found = await Promise.all(
    (await daemonsOf(root, ['containerd'])).map(async (daemon): Promise<RunningContainerd[]> => {
      const file = configFile(daemon);
      if (file && basename(file) === PRIVATE_CONFIG) return [];
      const program = await programOf(root, daemon);
      const config = await configOf(root, daemon, program, signal);
      const hasEnded = !(await exists(join(root, 'proc', `${daemon.pid}`))); // and could not be asked
      return hasEnded ? [] : [{ ...daemon, program, config }];
    }),
  );
  const running = found.flat();
  if (address === undefined) return running.find(({ config }) => config.hasCri) ?? running[0];
  const wanted = await socketHere(root, address);
  const sockets = await Promise.all(running.map(({ config }) => socketHere(root, config.address)));
  return running[sockets.indexOf(wanted)];
};

const socketHere = (root: string, address: string): Promise<string> =>
  pathHere(root, address.replace(/^unix:\/\//, ''));

const configFile = ({ argv }: NodeDaemon): string | undefined => flagOf(argv, '--config', '-c');

const configOf = async (
  root: string,
  daemon: NodeDaemon,
  program: string | undefined,
  signal: AbortSignal,
): Promise<ContainerdConfig> => {
  const { pid, argv } = daemon;
  const config = await dump(root, program ?? `/proc/${pid}/exe`, configFile(daemon), signal);
  const [ownRoot, address] = [flagOf(argv, '--root'), flagOf(argv, '--address', '-a')];
  return {
    ...config,
    ...(ownRoot && { root: ownRoot, snapshots: config.snapshots.replace(config.root, ownRoot) }),
    ...(address && { address }),
  };
};

/** Reads the configuration of a program; if it cannot print it, what is in its file. */
const dump = async (
  root: string,
  program: string,
  file: string | undefined,
  signal: AbortSignal,
): Promise<ContainerdConfig> => {
  const argv = inNode(root, [program, ...(file ? ['--config', file] : []), 'config', 'dump']);
  const text = await run(argv, signal).then(String, () => undefined);
  signal.throwIfAborted();
  return parseContainerdConfig(text ?? (await readNodeFile(root, file ?? '/etc/containerd/config.toml')) ?? '');
};

/**
 * The daemon's program, or a link to it with the name that makes it containerd: k3s is one program that does what its name
 * says.
 */
const programOf = async (root: string, { pid }: NodeDaemon): Promise<string | undefined> => {
  const path = await readlink(join(root, 'proc', `${pid}`, 'exe')).catch(() => '');
  const program = await pathHere(root, path);
  if (!path.startsWith('/') || !(await exists(program))) return undefined;
  const link = join(dirname(path), DEFAULTS.program);
  return (await pathHere(root, link)) === program ? link : path;
};

/** The first words of calls of ctr: those of the flag, or the path of the first of the usual commands that the node has. */
const findCtr = async (root: string, ctrPath: string, program: string | undefined): Promise<string[]> => {
  const usual = [DEFAULTS.ctr, ...(program ? [join(dirname(program), DEFAULTS.ctr)] : []), ...OTHER_CTR];
  for (const command of ctrPath === DEFAULTS.ctr ? usual : []) {
    const words = splitWords(command);
    const probe = inNode(root, ['sh', '-c', 'command -v "$0"', words[0] ?? '']);
    const path = await run(probe).then(
      (output) => output.toString().trim(),
      () => '',
    );
    if (path) return [path, ...words.slice(1)];
  }
  return splitWords(ctrPath);
};
