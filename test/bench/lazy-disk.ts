import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { binaryFolder, type Source } from '../cluster/components.ts';
import { run } from '../cluster/machine/run.ts';
import { until } from '../cluster/machine/until.ts';

export const LAZY_DISK: Source = { module: 'lazy-disk' };

/**
 * Mounts an image at `folder`/volume, read-only, as a disk that fetches a block when it is first read. Returns what `body`
 * returns, and how many bytes were fetched.
 */
export const withLazyDisk = async <T>(
  image: string,
  folder: string,
  body: (path: string) => Promise<T>,
): Promise<{ result: T; fetched: number }> => {
  const [far, path] = [join(folder, 'far'), join(folder, 'volume')];
  for (const place of [far, path]) await mkdir(place, { recursive: true });
  const server = spawn(join(await binaryFolder(LAZY_DISK), 'lazy-disk'), [image, far], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
  try {
    await lines.next(); // "ready"
    // without a second cache, and with as many reads at a time as the readers ask for
    const disk = join(far, 'disk');
    const loop = (await run(['losetup', '--read-only', '--direct-io=on', '--find', '--show', disk])).trim();
    await run(['mount', '-o', 'ro', loop, path]).finally(() => run(['losetup', '--detach', loop]));
    const result = await body(path).finally(() => run(['umount', path]));
    await until(`the end of ${loop}`, async () => (await run(['losetup', '--associated', disk])) === '');
    server.stdin.end();
    const { value } = await lines.next();
    return { result, fetched: Number(value) };
  } finally {
    server.stdin.end();
    if (server.exitCode === null) await once(server, 'exit');
    for (const place of [far, path]) await rmdir(place);
  }
};
