import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BOOT, CONTENTS_FILE, layerFolder } from '../volume/format.ts';
import { UNFINISHED } from './copy-layers.ts';
import { exists } from './exists.ts';
import { unmountBelow } from './mount.ts';
import { WORK } from './private-containerd.ts';

/**
 * Makes the volume ready to be written to and returns the chain IDs of the layers on it. What an earlier run finished is
 * kept: layers and blobs come into their places whole. After a power failure that is not certain, so then only what was
 * sealed counts.
 */
export const openVolume = async (volume: string): Promise<Set<string>> => {
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const sealed = await exists(join(volume, CONTENTS_FILE));
  const lastBoot = await readFile(join(volume, BOOT), 'utf8').catch(() => '');
  const trusted = sealed || lastBoot === boot;
  for (const folder of [WORK, UNFINISHED]) await unmountBelow(join(volume, folder));
  if (trusted) await writeFile(join(volume, BOOT), boot);
  const kept = ['lost+found', ...(trusted ? ['layers', 'blobs', BOOT] : [])];
  for (const entry of await readdir(volume)) {
    if (!kept.includes(entry)) await rm(join(volume, entry), { recursive: true });
  }
  await writeFile(join(volume, BOOT), boot);
  const layers = await readdir(join(volume, 'layers')).catch(() => []);
  const chainIds = layers.map((hex) => `sha256:${hex}`);
  const whole = await Promise.all(chainIds.map((chainId) => exists(join(volume, layerFolder(chainId)))));
  return new Set(chainIds.filter((_, index) => whole[index]));
};

/** Removes all layers and blobs but these, and all that is only needed while capturing. */
export const tidyVolume = async (
  volume: string,
  chainIds: ReadonlySet<string>,
  digests: ReadonlySet<string>,
): Promise<void> => {
  await rm(join(volume, UNFINISHED), { recursive: true, force: true });
  await rm(join(volume, WORK), { recursive: true, force: true });
  await removeOthers(join(volume, 'layers'), chainIds);
  await removeOthers(join(volume, 'blobs/sha256'), digests);
};

/** Forgets what only an unfinished volume has to tell the next run. */
export const finishVolume = (volume: string): Promise<void> => rm(join(volume, BOOT));

const removeOthers = async (folder: string, digests: ReadonlySet<string>): Promise<void> => {
  for (const entry of await readdir(folder).catch(() => [])) {
    if (!digests.has(`sha256:${entry}`)) await rm(join(folder, entry), { recursive: true });
  }
};
