import { readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
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
  const own = daemon && (await programOf(root, daemon));
  const program = (tools.containerdPath === DEFAULTS.program && own) || tools.containerdPath;
  const config = daemon?.config ?? (await dump(root, [program], undefined, signal));
  return {
    ctrCommand: await findCtr(root, tools.ctrPath, own),
    ctrFlags: [...flags, ...(address === undefined ? ['--address', config.address] : [])],
    program,
    environment: daemon?.environment ?? {},
    config,
  };
};

interface RunningContainerd extends NodeDaemon {
  config: ContainerdConfig;
}

/** Returns the containerd at `address`, or the first one with CRI: Docker, for example, has one without it. */
const findDaemon = async (
  root: string,
  address: string | undefined,
  signal: AbortSignal,
): Promise<RunningContainerd | undefined> => {
  const found = await Promise.all(
    (await daemonsOf(root, ['containerd'])).map(async (daemon) => {
      const config = await configOf(root, daemon, signal);
      return config ? [{ ...daemon, config }] : [];
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

/** The daemon's configuration; undefined if it has ended meanwhile, as the private one of another capture does. */
const configOf = async (
  root: string,
  { pid, argv }: NodeDaemon,
  signal: AbortSignal,
): Promise<ContainerdConfig | undefined> => {
  const file = flagOf(argv, '--config', '-c');
  if (file && !(await exists(await pathHere(root, file)))) return undefined;
  const config = await dump(root, [`/proc/${pid}/exe`], file, signal);
  if (!(await exists(join(root, 'proc', `${pid}`)))) return undefined;
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
  program: readonly string[],
  file: string | undefined,
  signal: AbortSignal,
): Promise<ContainerdConfig> => {
  const argv = inNode(root, [...program, ...(file ? ['--config', file] : []), 'config', 'dump']);
  const text = await run(argv, signal).then(String, () => undefined);
  signal.throwIfAborted();
  return parseContainerdConfig(text ?? (await readNodeFile(root, file ?? '/etc/containerd/config.toml')) ?? '');
};

/** Path of the daemon's program on the node; undefined if it was replaced since the daemon started. */
const programOf = async (root: string, { pid }: NodeDaemon): Promise<string | undefined> => {
  const path = await readlink(join(root, 'proc', `${pid}`, 'exe')).catch(() => '');
  return path.startsWith('/') && (await exists(await pathHere(root, path))) ? path : undefined;
};

/** The first words of calls of ctr: those of the flag, or the first of the usual commands that the node has. */
const findCtr = async (root: string, ctrPath: string, program: string | undefined): Promise<string[]> => {
  const usual = [DEFAULTS.ctr, ...(program ? [join(dirname(program), DEFAULTS.ctr)] : []), ...OTHER_CTR];
  for (const command of ctrPath === DEFAULTS.ctr ? usual : []) {
    const words = splitWords(command);
    const probe = inNode(root, ['sh', '-c', 'command -v "$0"', words[0] ?? '']);
    if (await run(probe).catch(() => undefined)) return words;
  }
  return splitWords(ctrPath);
};
