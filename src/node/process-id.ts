import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Names this run by the process as the node at `root` sees it, `PID-STARTTIME`, so that another run on the node can tell
 * what still belongs to somebody.
 */
export const identifyRun = async (root: string): Promise<string> => {
  const pid = await readlink(join(root, 'proc/self'));
  return `${pid}-${await startTime(root, pid)}`;
};

export const isRunning = async (root: string, run: string): Promise<boolean> => {
  const [pid = '', started] = run.split('-');
  return (await startTime(root, pid)) === started;
};

/** In clock ticks since boot; undefined where there is no such process. */
const startTime = async (root: string, pid: string): Promise<string | undefined> => {
  const stat = await readFile(join(root, 'proc', pid, 'stat'), 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]; // the 22nd field; the name before it may have blanks
};
