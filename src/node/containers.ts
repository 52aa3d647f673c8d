import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { run } from './command.ts';
import { type NodeStore, SNAPSHOTTER_FLAG } from './containerd.ts';
import { startTime } from './process-id.ts';

/** A container that runs from layers of the overlayfs snapshotter. */
export interface RunningContainer {
  /** PIDs on the node, the entrypoint first */
  processes: string[];
  /** the top one first; folders are paths on the node */
  layers: { chainId: string; folder: string }[];
}

/** Parses the output of `ctr tasks ls`: the PIDs of running containers by ID. */
export const parseTasks = (table: string): ReadonlyMap<string, string> =>
  new Map(
    [...table.matchAll(/^(\S+)[ \t]+([1-9]\d{0,9})[ \t]+RUNNING[ \t]*$/gm)].map(([, id = '', pid = '']) => [id, pid]),
  );

/** Parses the output of `ctr snapshots ls` to the parent of each snapshot. */
export const parseParents = (table: string): ReadonlyMap<string, string> =>
  new Map(
    [...table.matchAll(/^(\S+)[ \t]+(sha256:[0-9a-f]{64})[ \t]+(?:Active|Committed)/gm)].map(
      ([, key = '', parent = '']) => [key, parent],
    ),
  );

/** IDs of the snapshots below the root of a container, the top one first, from its mountinfo file. */
export const parseLowerSnapshots = (mountinfo: string): string[] => {
  const root = mountinfo.split('\n').find((line) => / \/ \/ .* - overlay /.test(line)) ?? '';
  const folders = [...root.matchAll(/[ ,]lowerdir\+?=([^, ]+)/g)].flatMap(([, list = '']) => list.split(':'));
  return folders.map((folder) => /(?:^|\/)(\d+)\/fs$/.exec(folder)?.[1] ?? '');
};

/** The running containers of the node at `root`, the oldest first. Throws CommandFailed. */
export const runningContainers = async (
  root: string,
  { ctr, config }: NodeStore,
  signal: AbortSignal,
): Promise<RunningContainer[]> => {
  const ask = async (...args: string[]): Promise<string> => (await run([...ctr, ...args], signal)).toString();
  const tasks = parseTasks(await ask('tasks', 'ls'));
  if (tasks.size === 0) return [];
  const parents = parseParents(await ask('snapshots', ...SNAPSHOTTER_FLAG, 'ls'));
  const neighbours = await processesByNamespace(root);
  const found: { started: number; container: RunningContainer }[] = [];
  for (const [id, pid] of tasks) {
    const chain = ancestorsOf(id, parents);
    const mountinfo = await readFile(join(root, 'proc', pid, 'mountinfo'), 'utf8').catch(() => '');
    const snapshots = parseLowerSnapshots(mountinfo);
    if (chain.length === 0 || snapshots.length !== chain.length || snapshots.includes('')) continue;
    const layers = chain.map((chainId, index) => ({
      chainId,
      folder: join(config.snapshots, 'snapshots', snapshots[index] ?? '', 'fs'),
    }));
    const others = neighbours.get(await namespaceOf(root, pid)) ?? [];
    const processes = [pid, ...others.filter((other) => other !== pid)];
    found.push({ started: Number(await startTime(root, pid)), container: { processes, layers } });
  }
  return found.sort((a, b) => a.started - b.started).map(({ container }) => container);
};

/** Snapshots that `key` stands on, the top one first. */
const ancestorsOf = (key: string, parents: ReadonlyMap<string, string>): string[] => {
  const chain = new Set<string>();
  for (let parent = parents.get(key); parent && !chain.has(parent); parent = parents.get(parent)) chain.add(parent);
  return [...chain];
};

/** PIDs by mount namespace, which the processes of a container share. */
const processesByNamespace = async (root: string): Promise<ReadonlyMap<string, string[]>> => {
  const found = new Map<string, string[]>();
  for (const pid of await readdir(join(root, 'proc'))) {
    if (!/^\d+$/.test(pid)) continue;
    const namespace = await namespaceOf(root, pid);
    if (namespace) found.set(namespace, [...(found.get(namespace) ?? []), pid]);
  }
  return found;
};

const namespaceOf = (root: string, pid: string): Promise<string> =>
  readlink(join(root, 'proc', pid, 'ns/mnt')).catch(() => '');
