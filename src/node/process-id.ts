import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Returns an ID for this run: `PID-STARTTIME` of this process as seen on the node at `root`. Other runs on the node use
 * it to check whether this one is still running.
 */
export const identifyRun = async (root: string): Promise<string> => {
  const pid = await readlink(join(root, 'proc/self'));
  return `${pid}-${await startTime(root, pid)}`;
};

export const isRunning = async (root: string, run: string): Promise<boolean> => {
  const [pid = '', started] = run.split('-');
  return (await startTime(root, pid)) === started;
};

/** Returns clock ticks since boot, or undefined if there is no such process. */
export const startTime = async (root: string, pid: string): Promise<string | undefined> => {
  const stat = await readFile(join(root, 'proc', pid, 'stat'), 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]; // field 22; the name before it may contain spaces
};
