import { access, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './until.ts';

const CGROUPS = '/sys/fs/cgroup';

// Membership is what tells whose a process is: unlike a pid file it survives any crash, covers children, and no pid is reused.
const TRACKING = join(CGROUPS, 'pids');

/** The command line that joins the group before it becomes argv, so that no child can escape. */
export const inGroup = (group: string, argv: readonly string[]): string[] => {
  return ['/bin/sh', '-c', 'echo $$ >"$0" && exec "$@"', membersFile(group), ...argv];
};

export const createGroup = async (group: string): Promise<void> => {
  await mkdir(join(TRACKING, group), { recursive: true });
};

/** A group in every hierarchy, as a kubelet wants its root; cpuset groups start without cpus and admit nobody. */
export const createKubeletRoot = async (group: string): Promise<void> => {
  for (const hierarchy of await hierarchies()) {
    await mkdir(join(hierarchy, group), { recursive: true });
    let parent = hierarchy;
    for (const part of group.split('/')) {
      const child = join(parent, part);
      await inheritCpuset(parent, child);
      parent = child;
    }
  }
};

const membersFile = (group: string): string => join(TRACKING, group, 'cgroup.procs');

/** Pids in the group and all groups below. */
export const members = async (group: string): Promise<number[]> => {
  const below = await children(join(TRACKING, group));
  const nested = await Promise.all(below.map((child) => members(join(group, child))));
  const own = await readFile(membersFile(group), 'utf8').catch(() => '');
  return [...own.split('\n').filter(Boolean).map(Number), ...nested.flat()];
};

/** Ends every process of the group: SIGTERM first, SIGKILL after the grace. */
export const killGroup = async (group: string, graceSeconds: number): Promise<void> => {
  const deadline = Date.now() + graceSeconds * 1000;
  if (graceSeconds > 0) signal(await members(group), 'SIGTERM');
  await until(`the end of all processes in ${group}`, async () => {
    const pids = await members(group);
    if (Date.now() >= deadline) signal(pids, 'SIGKILL');
    return pids.length === 0;
  });
};

/** Removes the empty group from every hierarchy. */
export const removeGroup = async (group: string): Promise<void> => {
  for (const hierarchy of await hierarchies()) await removeTree(join(hierarchy, group));
};

const signal = (pids: number[], name: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // it ended by itself
    }
  }
};

const inheritCpuset = async (parent: string, child: string): Promise<void> => {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const inherited = await readFile(join(parent, file), 'utf8').catch(() => undefined);
    if (inherited?.trim()) await writeFile(join(child, file), inherited);
  }
};

const removeTree = async (folder: string): Promise<void> => {
  for (const child of await children(folder)) await removeTree(join(folder, child));
  const there = await access(folder).then(
    () => true,
    () => false,
  );
  if (there) await rmdir(folder);
};

const children = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
};

/** Mount points of all hierarchies: runc uses the version 2 one, too, where a machine has both. */
const hierarchies = async (): Promise<string[]> => {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const found = mounts.filter(([, , type]) => type === 'cgroup' || type === 'cgroup2').map(([, point]) => point ?? '');
  return found.filter((point) => point.startsWith(`${CGROUPS}/`));
};
