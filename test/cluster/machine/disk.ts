import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run, succeeds } from './run.ts';
import { until } from './until.ts';

const SIZE = '64G'; // sparse

export const DISK_PACKAGES = ['xfsprogs', 'e2fsprogs', 'fuse2fs', 'util-linux', 'mount', 'openssl'];

/** Where the cluster's own disk is mounted: XFS, for clones that copy nothing. */
export const diskFolder = (folder: string): string => join(folder, 'disk');
/** Volumes and snapshots of the CSI driver: ID.img and ID.json. */
export const poolFolder = (folder: string): string => join(diskFolder(folder), 'pool');

export const isDiskMounted = async (folder: string): Promise<boolean> => {
  return succeeds(['mountpoint', '--quiet', diskFolder(folder)]);
};

export const createDisk = async (folder: string): Promise<void> => {
  const image = `${diskFolder(folder)}.img`;
  await mkdir(diskFolder(folder), { recursive: true });
  await run(['truncate', '--size', SIZE, image]);
  await run(['mkfs.xfs', '-q', '-K', '-m', 'reflink=1', image]);
  await run(['mount', '-o', 'loop,discard', image, diskFolder(folder)]);
  await mkdir(poolFolder(folder), { recursive: true });
};

export const removeDisk = async (folder: string): Promise<void> => {
  await detachLoops(folder);
  await until(`the unmount of ${diskFolder(folder)}`, async () => {
    return !(await isDiskMounted(folder)) || (await succeeds(['umount', diskFolder(folder)]));
  });
  await detachLoops(folder);
};

/** Attaches an image read-only, as a cloud would attach a disk; returns the device. */
export const attachReadOnly = async (image: string): Promise<string> => {
  return (await run(['losetup', '--read-only', '--find', '--show', image])).trim();
};

/** Detaches the loop devices of all files below the folder, but for the disk that is mounted. */
export const detachLoops = async (folder: string): Promise<void> => {
  await until(`the end of the loop devices of ${folder}, in all mount namespaces`, async () => {
    const devices = await loopsBelow(folder);
    for (const device of devices) await succeeds(['losetup', '--detach', device]); // takes effect with the last opener
    return devices.length === 0;
  });
};

const loopsBelow = async (folder: string): Promise<string[]> => {
  const lines = await run(['losetup', '--list', '--noheadings', '--raw', '--output', 'NAME,BACK-FILE']);
  const loops = lines.split('\n').map((line) => line.split(' '));
  const disk = (await isDiskMounted(folder)) ? `${diskFolder(folder)}.img` : undefined;
  return loops.filter(([, file]) => file?.startsWith(`${folder}/`) && file !== disk).map(([device]) => device ?? '');
};
