import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sample } from './sampling.ts';

const MEMORY = '/sys/fs/cgroup/memory';

/** Gets a command's prefix, which lets it and all that it starts count. Returns the most bytes of their memory, without the page cache. */
export const peakOfGroup = async (work: (prefix: readonly string[]) => Promise<unknown>): Promise<number> => {
  const group = join(MEMORY, `kubectl-preload-${process.pid}`);
  await mkdir(group);
  const used = async () => Number(/^total_rss (\d+)$/m.exec(await readFile(join(group, 'memory.stat'), 'utf8'))?.[1]);
  try {
    return await sample(used, () => work(['sh', '-c', `echo $$ >${group}/cgroup.procs && exec "$@"`, 'sh']));
  } finally {
    await rmdir(group);
  }
};
