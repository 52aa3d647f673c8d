import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { provide } from '../components.ts';
import { adminKubectl } from '../control-plane/control-plane.ts';
import { createGroup, inGroup } from '../machine/cgroups.ts';
import { ENVIRONMENT, group } from '../machine/daemons.ts';
import type { Cluster } from '../state.ts';
import type { ContainerdVersion } from './config.ts';
import { enter } from './daemons.ts';
import { bootNode, mountSnapshot, nodeSources, removeNode, requireSnapshot, startKubelet } from './node.ts';

interface NewNode {
  name: string;
  containerd: ContainerdVersion;
  own: boolean;
  snapshot?: string | undefined;
  /** also run restore.sh before containerd has started */
  early: boolean;
  restore: string;
}

/** Boots a node; with a snapshot, its disk is restored before the kubelet starts. Returns the exit code. */
export const addNode = async (cluster: Cluster, wanted: NewNode, log: (line: string) => void): Promise<number> => {
  const { name, containerd, own, snapshot, early, restore } = wanted;
  if (snapshot) await requireSnapshot(cluster, snapshot);
  await provide(nodeSources(containerd), log);
  log(`booting node ${name} with containerd ${containerd}`);
  let seconds = 0;
  const runRestore = async (flags: string): Promise<number> => {
    const begin = performance.now();
    const exitCode = await onNode(cluster, name, ['sh', '-c', `exec /preload/restore.sh ${flags}`], [0, 2, 2]);
    seconds += (performance.now() - begin) / 1000;
    return exitCode;
  };
  const node = await bootNode(cluster, name, containerd, own, async () => {
    if (snapshot) await mountSnapshot(cluster, name, snapshot);
    if (snapshot && early) await runRestore('--before-containerd');
  });
  if (snapshot) {
    const exitCode = await runRestore(restore);
    console.log(JSON.stringify({ node: name, seconds: Number(seconds.toFixed(3)), exitCode }));
    if (exitCode !== 0) {
      log(`restore failed on node ${name}: it gets no kubelet; see it with: node exec ${name} -- sh`);
      return 1;
    }
  }
  await startKubelet(cluster, node, await adminKubectl(cluster));
  return 0;
};

export const dropNode = async (cluster: Cluster, name: string): Promise<void> => {
  await removeNode(cluster, name, await adminKubectl(cluster));
};

/** Runs a command on a node as if logged in there; returns its exit code. */
export const execOnNode = async (cluster: Cluster, name: string, argv: string[]): Promise<number> => {
  if (argv.length === 0) throw new Error('name a command after --');
  return onNode(cluster, name, argv, [0, 1, 2]);
};

const onNode = async (
  cluster: Cluster,
  name: string,
  argv: string[],
  stdio: [number, number, number],
): Promise<number> => {
  const inside = group(cluster, `${name}/exec`); // `down` ends it with the node
  await createGroup(inside);
  const [command = '', ...args] = inGroup(inside, [...(await enter(cluster, name)), ...argv]);
  const child = spawn(command, args, {
    cwd: '/',
    env: { ...ENVIRONMENT, TERM: process.env.TERM },
    stdio,
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
};
