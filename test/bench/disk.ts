import { mkdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/machine/run.ts';
import { until } from '../cluster/machine/until.ts';

/** A disk of its own, mounted. */
export interface Disk {
  path: string;
  /** file that holds it */
  image: string;
  uuid: string;
  /** MAJOR:MINOR */
  device: string;
  release(): Promise<void>;
}

/** Runs a command in the mount namespace that is to see the disk. */
type Run = (argv: readonly string[]) => Promise<string>;

/** Makes a read-only disk of what `fill` writes into a folder. */
export const makeDisk = async (folder: string, fill: (path: string) => Promise<void>): Promise<Disk> => {
  await format(folder, '-O', '^has_journal');
  const { path } = await mount(folder, 'rw', run);
  await fill(path).finally(() => unmount(folder, run));
  const image = imageOf(folder); // whose loop device goes with the last mount namespace that saw it
  await until(`the end of the loop device of ${image}`, async () => (await run(['losetup', '-j', image])) === '');
  return mount(folder, 'ro', run);
};

/** Makes an empty disk. */
export const emptyDisk = async (folder: string, within: Run = run): Promise<Disk> => {
  await format(folder);
  return mount(folder, 'noinit_itable', within); // or the kernel goes on formatting while we measure
};

/** Bytes that are in use on a filesystem. */
export const usedBytes = async (path: string): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(path);
  return (blocks - bfree) * bsize;
};

/** Bytes that were ever written to the disk; what is still in memory is not. */
export const writtenBytes = async ({ device }: Disk): Promise<number> => {
  const fields = (await readFile(`/sys/dev/block/${device}/stat`, 'utf8')).trim().split(/\s+/);
  return Number(fields[6]) * 512;
};

const imageOf = (folder: string): string => join(folder, 'disk.img');
const pathOf = (folder: string): string => join(folder, 'volume');

const format = async (folder: string, ...flags: string[]): Promise<void> => {
  await mkdir(pathOf(folder), { recursive: true });
  await run(['truncate', '--size', '128G', imageOf(folder)]);
  await run(['mkfs.ext4', '-q', ...flags, imageOf(folder)]);
};

const mount = async (folder: string, option: string, within: Run): Promise<Disk> => {
  const path = pathOf(folder);
  // without a second cache in memory, as a disk has none either; detached now, it goes with the mount
  const loop = (await within(['losetup', '--find', '--show', '--direct-io=on', imageOf(folder)])).trim();
  await within(['mount', '-o', option, loop, path]).finally(() => within(['losetup', '--detach', loop]));
  const device = (await within(['findmnt', '-no', 'MAJ:MIN', path])).trim();
  const uuid = (await within(['findmnt', '-no', 'UUID', path])).trim();
  return {
    path,
    image: imageOf(folder),
    uuid,
    device,
    release: () => unmount(folder, within).then(() => rm(folder, { recursive: true })),
  };
};

const unmount = (folder: string, within: Run): Promise<string> => within(['umount', pathOf(folder)]);
