import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { digestFile } from '../../../src/volume/checksums.ts';
import { CONTENTS_FILE } from '../../../src/volume/format.ts';
import { attachReadOnly, detachLoops } from '../../cluster/machine/disk.ts';
import { run } from '../../cluster/machine/run.ts';
import type { ContainerdVersion } from '../../cluster/node/config.ts';
import type { SystemdMachine } from '../../harness/systemd-machine.ts';
import { type SmallImage, writeSmallVolume } from '../restore/small-volume.ts';
import { makeNode, type PreloadDisk } from './node.ts';

/** What a test file puts there goes when it ends. */
export const folder = await mkdtemp(join(tmpdir(), 'preload-systemd-'));
const machines: SystemdMachine[] = [];
after(async () => {
  for (const machine of machines) await machine.powerOff();
  await detachLoops(folder);
  await rm(folder, { recursive: true });
});

/** Makes a node that is off. */
export const newNode = async (name: string, version: ContainerdVersion): Promise<SystemdMachine> => {
  const machine = await makeNode(version, join(folder, name));
  machines.push(machine);
  return machine;
};

export interface SmallDisk extends PreloadDisk {
  /** of preload.json */
  contentsDigest: string;
}

/** Makes a disk as a cloud makes it from the snapshot of a sealed volume. */
export const newDisk = async (
  name: string,
  images: readonly SmallImage[],
  uuid: string = randomUUID(),
): Promise<SmallDisk> => {
  const [volume, image] = [join(folder, name), join(folder, `${name}.img`)];
  await mkdir(volume);
  const set = await writeSmallVolume(volume, images, { uuid });
  await run(['truncate', '--size', '64M', image]);
  await run(['mkfs.ext4', '-q', '-m', '0', '-U', uuid, '-d', volume, image]);
  const contentsDigest = await digestFile(join(volume, CONTENTS_FILE));
  return { device: await attachReadOnly(image), uuid, set, contentsDigest };
};
