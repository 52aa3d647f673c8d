import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import { inNode, run } from './command.ts';

export interface Mount {
  target: string;
  /** device */
  source: string;
  /** options of the filesystem itself, not of this one place it is mounted at */
  superOptions: string[];
}

/** Where something is mounted below `folder`, in the order it has to be unmounted in. */
export const mountsBelow = (mountinfo: string, folder: string): string[] =>
  mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${folder}/`))
    .reverse();

/** Unmounts what a killed run left mounted in `folder`; a pod's own mounts end with it. */
export const unmountBelow = async (folder: string): Promise<void> => {
  const targets = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder);
  for (const target of targets) await run(['umount', target]);
};

/** The mount at `target` in the text of a mountinfo file; the last one wins, as it covers the others. */
export const findMount = (mountinfo: string, target: string): Mount | undefined =>
  mountinfo
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields[4] === target)
    .map((fields) => {
      const [, source = '', superOptions = ''] = fields.slice(fields.indexOf('-') + 1);
      return { target, source, superOptions: superOptions.split(',') };
    })
    .at(-1);

export const mountOf = async (target: string): Promise<Mount | undefined> =>
  findMount(await readFile('/proc/self/mountinfo', 'utf8'), target);

/**
 * Makes `volume` visible inside the node's root and returns its path there. It covers a folder that every node has, in
 * this pod's mount namespace only: the node never sees it, and nothing stays behind when the pod is killed.
 */
export const showVolumeInNode = async (root: string, volume: string): Promise<string> => {
  if (root === '/') return volume;
  for (const folder of ['/mnt', '/media', '/srv', '/opt', '/home']) {
    const isFolder = await stat(join(root, folder)).then(
      (s) => s.isDirectory(),
      () => false,
    );
    if (!isFolder) continue;
    await run(['mount', '-o', 'bind', volume, join(root, folder)]);
    return folder;
  }
  throw new PreloadError(`no folder of the node at ${root} can carry the volume`);
};

export const hideVolumeInNode = async (root: string, folder: string): Promise<void> => {
  if (root !== '/') await run(['umount', join(root, folder)]);
};

export const remount = (volume: string, mode: 'rw' | 'ro'): Promise<unknown> =>
  run(['mount', '-o', `remount,${mode}`, volume]);

/** Turns the volume's whole filesystem read-only, so that a snapshot taken from now on is clean; false if it stays writable. */
export const makeReadOnly = async (volume: string): Promise<boolean> => {
  await remount(volume, 'ro').catch(() => {});
  return (await mountOf(volume))?.superOptions.includes('ro') ?? false;
};

/** UUID of the filesystem on `device`, or null where the node has no tool to read it. */
export const filesystemUuid = async (root: string, device: string): Promise<string | null> => {
  const probe = inNode(root, ['blkid', '-p', '-s', 'UUID', '-o', 'value', device]);
  const uuid = await run(probe).then(
    (output) => output.toString().trim(),
    () => '',
  );
  return uuid || null;
};
