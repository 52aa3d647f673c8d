import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sample } from './sampling.ts';

const MEMORY = '/sys/fs/cgroup/memory';

/**
 * Gives `work` a prefix for commands, which lets them and all that they start count. Returns the most bytes of their memory,
 * with files that are kept in memory, but without the page cache.
 */
export const peakOfGroup = async (work: (prefix: readonly string[]) => Promise<unknown>): Promise<number> => {
  const group = join(MEMORY, `kubectl-preload-${process.pid}`);
  await mkdir(group);
  const used = async () => {
    const stat = await readFile(join(group, 'memory.stat'), 'utf8');
    return [...stat.matchAll(/^total_(?:rss|shmem) (\d+)$/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  };
  try {
    return await sample(used, () => work(['sh', '-c', `echo $$ >${group}/cgroup.procs && exec "$@"`, 'sh']));
  } finally {
    await rmdir(group);
  }
};
