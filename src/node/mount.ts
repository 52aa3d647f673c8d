import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import { inNode, run } from './command.ts';
import { pathHere } from './files.ts';

export interface Mount {
  target: string;
  /** of its filesystem, such as `ext4` */
  type: string;
  /** device */
  source: string;
  /** `major:minor` of the device */
  number: string;
  /** options of the filesystem, not of this mount */
  superOptions: string[];
}

/** Returns the mount points below `folder`, in the order to unmount them. */
export const mountsBelow = (mountinfo: string, folder: string): string[] =>
  mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${folder}/`))
    .reverse();

/** Unmounts what a killed run on the node left in `folder`. Mounts in a pod vanish with the pod. */
export const unmountBelow = async (folder: string): Promise<void> => {
  const targets = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder);
  for (const target of targets) await run(['umount', target]);
};

/** Mounts a folder in memory, which only root can enter. */
export const mountMemory = (target: string): Promise<unknown> =>
  run(['mount', '-t', 'tmpfs', '-o', 'mode=0700', 'tmpfs', target]);

/** Returns the mount at `target` in a mountinfo file; if there are several, the last one covers the others. */
export const findMount = (mountinfo: string, target: string): Mount | undefined =>
  mountinfo
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields[4] === target)
    .map((fields) => {
      const [type = '', source = '', superOptions = ''] = fields.slice(fields.indexOf('-') + 1);
      return { target, type, source, number: fields[2] ?? '', superOptions: superOptions.split(',') };
    })
    .at(-1);

// these do not have devices, whiteouts or the extended attributes of overlayfs
const SHARED = /^(nfs4?|cifs|smb3|ceph|glusterfs|9p|virtiofs|lustre|fuse(\..*)?)$/;

/** Whether a filesystem of this type can hold unpacked layers. */
export const canHoldLayers = (type: string): boolean => !SHARED.test(type);

export const mountOf = async (target: string): Promise<Mount | undefined> =>
  findMount(await readFile('/proc/self/mountinfo', 'utf8'), target);

const USUAL_FOLDERS = ['/mnt', '/media', '/srv', '/boot', '/home', '/opt'];

/**
 * Makes `volume` visible inside the node's root and returns its path there. Mounts it on a directory that every node
 * has, but only in this pod's mount namespace: the node does not see the mount, and it vanishes with the pod. The mount
 * hides what is in that directory, so none of the paths in `needed` may be there.
 */
export const showVolumeInNode = async (root: string, volume: string, needed: readonly string[]): Promise<string> => {
  if (root === '/') return volume;
  const visible = await Promise.all(needed.map((path) => pathHere(root, path)));
  for (const folder of USUAL_FOLDERS) {
    const here = join(root, folder);
    const isFolder = await lstat(here).then(
      (s) => s.isDirectory(),
      () => false,
    );
    if (!isFolder || visible.some((path) => `${path}/`.startsWith(`${here}/`))) continue;
    await run(['mount', '-o', 'bind', volume, here]);
    return folder;
  }
  throw new PreloadError(
    'found no directory on the node to mount the volume on',
    `create an empty ${USUAL_FOLDERS[0]} on the node`,
  );
};

export const hideVolumeInNode = async (root: string, folder: string): Promise<void> => {
  if (root !== '/') await run(['umount', join(root, folder)]);
};

export const remount = (volume: string, mode: 'rw' | 'ro'): Promise<unknown> =>
  run(['mount', '-o', `remount,${mode}`, volume]);

/** Makes the filesystem read-only, so that a snapshot of it is clean. Returns false if it stays writable. */
export const makeReadOnly = async (volume: string): Promise<boolean> => {
  await remount(volume, 'ro').catch(() => {});
  return (await mountOf(volume))?.superOptions.includes('ro') ?? false;
};

/** Returns the UUID of the filesystem on `device`, or null if the node has no tool to read it. */
export const filesystemUuid = async (root: string, device: string): Promise<string | null> => {
  const probe = inNode(root, ['blkid', '-p', '-s', 'UUID', '-o', 'value', device]);
  const uuid = await run(probe).then(
    (output) => output.toString().trim(),
    () => '',
  );
  return uuid || null;
};
