import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensurePackages } from '../../cluster/machine/apt.ts';

/** Writes files of a node whose root is `root`. */
export const writeNodeFiles = async (root: string, files: Record<string, string>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    if (text.startsWith('#!')) await chmod(join(root, path), 0o755);
  }
};

/** Makes `root` a node that programs can run on: a shell and tools, and its processes in /proc. */
export const makeRunnable = async (root: string): Promise<void> => {
  await ensurePackages(['busybox-static'], console.error);
  await mkdir(join(root, 'bin'), { recursive: true });
  await copyFile('/bin/busybox', join(root, 'bin/busybox'));
  for (const tool of ['sh', 'cat', 'sleep', 'env']) await symlink('busybox', join(root, 'bin', tool));
  await symlink('/proc', join(root, 'proc'));
  // by which its daemons are told from those of other nodes
  for (const path of ['run/containerd', 'var/lib/kubelet']) await mkdir(join(root, path), { recursive: true });
};
