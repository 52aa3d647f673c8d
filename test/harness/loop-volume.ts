import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/machine/run.ts';
import type { PrivateNode } from './private-node.ts';

/** A volume that is mounted on a private node, as the kubelet mounts a claim. */
export interface LoopVolume {
  /** on the node */
  path: string;
  /** the same, for this process */
  seen: string;
  /** Unmounts it, and fails unless its filesystem is clean and sound. */
  check(): Promise<void>;
  /** Makes it larger, as a claim can grow between two pods. */
  grow(megabytes: number): Promise<void>;
  remove(): Promise<void>;
}

const FILESYSTEMS = {
  ext4: {
    make: ['mkfs.ext4', '-q', '-m', '0', '-E', 'nodiscard,assume_storage_prezeroed=1'],
    check: ['e2fsck', '-fn'],
  },
  xfs: { make: ['mkfs.xfs', '-q', '-K'], check: ['xfs_repair', '-n'] },
};

/** Makes a filesystem in `folder` and mounts it on the node. */
export const mountNewVolume = async (
  node: PrivateNode,
  folder: string,
  name: string,
  megabytes: number,
  filesystem: keyof typeof FILESYSTEMS = 'ext4',
): Promise<LoopVolume> => {
  const { make, check } = FILESYSTEMS[filesystem];
  const [image, path] = [join(folder, `${name}.img`), join(folder, name)];
  const onNode = async (...argv: string[]) => {
    const { code, stderr } = await node.run(argv);
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  };
  const mount = () => onNode('mount', '-o', 'loop', image, path);
  await mkdir(path, { recursive: true });
  await run(['truncate', '--size', `${megabytes}M`, image]);
  await run([...make, image]);
  await mount();
  return {
    path,
    seen: `/proc/${node.pid}/root${path}`,
    check: async () => {
      await onNode('umount', path);
      await run([...check, image]);
      await mount();
    },
    grow: async (megabytes) => {
      await onNode('umount', path);
      await run(['truncate', '--size', `${megabytes}M`, image]);
      await run(['e2fsck', '-fp', image]);
      await run(['resize2fs', image]);
      await mount();
    },
    remove: async () => {
      await onNode('umount', path);
      await run(['rm', image]);
    },
  };
};
