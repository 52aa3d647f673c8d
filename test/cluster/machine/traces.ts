import { glob, readFile } from 'node:fs/promises';
import { clusterId } from '../state.ts';
import { exists } from './probes.ts';
import { run } from './run.ts';

/** All that can be seen on the machine of a cluster kept in this folder, by kind. */
export type Traces = Record<'mounts' | 'loops' | 'links' | 'cgroups' | 'processes' | 'files', string[]>;

export const tracesOf = async (folder: string): Promise<Traces> => {
  const id = clusterId(folder);
  return {
    mounts: linesWith(await readFile('/proc/self/mountinfo', 'utf8'), folder),
    loops: linesWith(await run(['losetup', '--list', '--noheadings', '--output', 'BACK-FILE']), folder),
    links: linesWith(await run(['ip', '-oneline', 'link', 'show']), id),
    cgroups: await Array.fromAsync(glob(`/sys/fs/cgroup/*/${id}`)),
    processes: await processes(folder, id),
    files: (await exists(folder)) ? [folder] : [],
  };
};

/** Processes that name the folder, or are in one of the cluster's cgroups. */
const processes = async (folder: string, id: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const process of glob('/proc/[0-9]*')) {
    const read = (file: string): Promise<string> => readFile(`${process}/${file}`, 'utf8').catch(() => '');
    const commandLine = (await read('cmdline')).replaceAll('\0', ' ');
    if (commandLine === '') continue; // has ended and waits for its parent to notice
    if (commandLine.includes(folder) || (await read('cgroup')).includes(id)) found.push(`${process} ${commandLine}`);
  }
  return found;
};

const linesWith = (text: string, wanted: string): string[] => text.split('\n').filter((line) => line.includes(wanted));
