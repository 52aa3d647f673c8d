import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachReadOnly, poolFolder } from '../../cluster/machine/disk.ts';
import { run } from '../../cluster/machine/run.ts';
import { type Cluster, readCluster, STATE } from '../../cluster/state.ts';
import { status } from './commands.ts';

/** A snapshot of the test cluster, mounted read-only on this machine. */
export interface MountedSnapshot {
  device: string;
  folder: string;
  unmount: () => Promise<void>;
}

export const mountSnapshot = async (namespace: string, preload: string): Promise<MountedSnapshot> => {
  const { folder: state } = (await readCluster(STATE)) as Cluster;
  const folder = await mkdtemp(join(tmpdir(), 'preload-volume-'));
  const device = await attachReadOnly(join(poolFolder(state), `${(await status(namespace, preload)).snapshotId}.img`));
  await run(['mount', '-o', 'ro', device, folder]);
  const unmount = async () => {
    await run(['umount', folder]);
    await run(['losetup', '--detach', device]);
    await rmdir(folder);
  };
  return { device, folder, unmount };
};
