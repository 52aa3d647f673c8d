import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const BLKIO = '/sys/fs/cgroup/blkio';

/** Runs `work` with this process, and all it starts, reading from the device at no more than so many bytes a second. */
export const throttled = async <T>(device: string, bytes: number, work: () => Promise<T>): Promise<T> => {
  const group = join(BLKIO, `kubectl-preload-${process.pid}`);
  await mkdir(group);
  await writeFile(join(group, 'blkio.throttle.read_bps_device'), `${device} ${bytes}`);
  await writeFile(join(group, 'cgroup.procs'), String(process.pid));
  try {
    return await work();
  } finally {
    await writeFile(join(BLKIO, 'cgroup.procs'), String(process.pid));
    await rmdir(group);
  }
};
