import { lstat, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deeperLayers, VOLUME_CONTENTS } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import type { CapturedImage } from '../model/image.ts';
import { parse, parseJson } from '../model/parse.ts';
import type { Usage } from '../model/plan.ts';
import { unmountBelow } from '../node/mount.ts';
import { READ_FIRST } from '../volume/first-files.ts';
import { BOOT, CHECK, CONTENTS_FILE, UNFINISHED, WORK } from '../volume/format.ts';
import { keepPlaces, PLACES } from '../volume/place.ts';
import { kindOf, readText } from '../volume/verify/read.ts';
import type { Capture } from './context.ts';

/** State of a volume before the capture. */
export interface VolumeState {
  /** layers and blobs of an earlier run are kept */
  resumes: boolean;
  /** chain IDs of complete layers */
  layers: ReadonlySet<string>;
  /** chain IDs of those that were unpacked from blobs, whose digests were checked */
  fromBlobs: ReadonlySet<string>;
  /** chain IDs of layers, on the volume or elsewhere, that stand on another layer */
  deeper: ReadonlySet<string>;
  /** digests of complete blobs; with the suffix `.partial`, of downloads that can be resumed */
  blobs: ReadonlySet<string>;
  /** names in the volume's root that the capture does not need */
  unwanted: readonly string[];
}

const NONE: ReadonlySet<string> = new Set();

/** State of a new volume. */
export const EMPTY: VolumeState = {
  resumes: false,
  layers: NONE,
  fromBlobs: NONE,
  deeper: NONE,
  blobs: NONE,
  unwanted: [],
};

const LAYERS = 'layers';
const BLOBS = 'blobs/sha256';
const MADE_BY_MKFS = 'lost+found';
const BLOCK = 512; // unit of `blocks` in stat

type InspectedVolume = Pick<Capture, 'volume' | 'force' | 'remedies'>;

/**
 * Inspects the volume without changing it. Complete layers and blobs of an earlier run are reused: a layer or blob gets
 * its final name only when it is complete. A power failure can break that, so after a reboot only a sealed volume is
 * reused. Links are never reused. Throws PreloadError if the volume holds other files, unless `force` allows deleting
 * them.
 */
export const inspectVolume = async ({ volume, force, remedies }: InspectedVolume): Promise<VolumeState> => {
  const entries = (await readdir(volume)).filter((entry) => ![MADE_BY_MKFS, BOOT].includes(entry)).sort();
  const [lastBoot, ...deeper] = (await readText(volume, BOOT))?.split('\n') ?? [];
  const sealed = await sealedImages(volume);
  if (entries.length > 0 && !sealed && lastBoot === undefined && !force) {
    throw new PreloadError(
      `${volume} holds files that kubectl preload did not write: ${entries.slice(0, 3).join(', ')}`,
      remedies.emptyVolume,
    );
  }
  const resumes = sealed !== undefined || lastBoot === (await currentBoot());
  if (!resumes) return { ...EMPTY, unwanted: entries };
  const kept: string[] = [];
  for (const entry of [LAYERS, 'blobs']) if ((await kindOf(volume, entry)) === 'folder') kept.push(entry);
  const isLayer = async (path: string) => (await kindOf(volume, join(path, 'fs'))) === 'folder';
  const isFile = async (path: string) => (await kindOf(volume, path)) === 'file';
  return {
    resumes,
    layers: await digestsIn(volume, LAYERS, /^[0-9a-f]{64}$/, isLayer),
    fromBlobs: layersFromBlobs(sealed ?? []),
    deeper: sealed ? deeperLayers(sealed) : new Set(deeper),
    blobs: await digestsIn(volume, BLOBS, /^[0-9a-f]{64}(\.partial)?$/, isFile),
    unwanted: entries.filter((entry) => !kept.includes(entry)),
  };
};

/** Returns the minimum that clearVolume will free. */
export const reclaimable = async (volume: string, { unwanted }: VolumeState): Promise<Usage> => {
  const usage = { bytes: 0, inodes: 0 };
  await Promise.all(unwanted.map((entry) => addUsage(join(volume, entry), usage)));
  return usage;
};

/**
 * Deletes what the capture does not need. Marks the volume, so that the next run recognizes it even after a kill, and knows
 * which layers stand on others.
 */
export const clearVolume = async (
  volume: string,
  { resumes, layers, deeper, blobs, unwanted }: VolumeState,
): Promise<void> => {
  for (const folder of [WORK, CHECK, UNFINISHED]) await unmountBelow(join(volume, folder));
  if (resumes) await markAsOurs(volume, deeper);
  await keepPlaces(volume, resumes ? READ_FIRST : []);
  for (const entry of unwanted) if (entry !== PLACES) await rm(join(volume, entry), { recursive: true, force: true });
  await keepOnly(volume, LAYERS, layers);
  await keepOnly(volume, BLOBS, blobs);
  await markAsOurs(volume, deeper);
};

/** Deletes all layers and blobs except these, and all temporary files. */
export const tidyVolume = async (
  volume: string,
  chainIds: ReadonlySet<string>,
  digests: ReadonlySet<string>,
): Promise<void> => {
  for (const folder of [WORK, CHECK, UNFINISHED]) await rm(join(volume, folder), { recursive: true, force: true });
  await keepOnly(volume, LAYERS, chainIds);
  await keepOnly(volume, BLOBS, digests);
};

/** Deletes the mark of an unfinished volume. */
export const finishVolume = (volume: string): Promise<void> => rm(join(volume, BOOT));

const currentBoot = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();

/** What a sealed volume holds; undefined if it is not sealed. */
const sealedImages = async (volume: string): Promise<CapturedImage[] | undefined> => {
  try {
    return parse(VOLUME_CONTENTS, parseJson((await readText(volume, CONTENTS_FILE)) ?? '')).images;
  } catch {
    return undefined;
  }
};

const layersFromBlobs = (images: readonly CapturedImage[]): ReadonlySet<string> => {
  const layers = images.flatMap((image) => image.layers);
  return new Set(
    layers.filter(({ source }) => source === 'blob' || source === 'registry').map(({ chainId }) => chainId),
  );
};

const markAsOurs = async (volume: string, deeper: ReadonlySet<string>): Promise<void> => {
  const mark = join(volume, BOOT);
  if ((await kindOf(volume, BOOT)) !== 'file') await rm(mark, { recursive: true, force: true });
  await writeFile(mark, [await currentBoot(), ...deeper].join('\n'));
};

/** Returns `sha256:NAME` of the entries in a directory whose name matches `pattern` and whose path `counts` accepts. */
const digestsIn = async (
  volume: string,
  folder: string,
  pattern: RegExp,
  counts: (path: string) => Promise<boolean>,
): Promise<Set<string>> => {
  const digests = new Set<string>();
  if ((await kindOf(volume, folder)) !== 'folder') return digests;
  for (const entry of await readdir(join(volume, folder))) {
    if (pattern.test(entry) && (await counts(join(folder, entry)))) digests.add(`sha256:${entry}`);
  }
  return digests;
};

const keepOnly = async (volume: string, folder: string, digests: ReadonlySet<string>): Promise<void> => {
  if ((await kindOf(volume, folder)) !== 'folder') return rm(join(volume, folder), { recursive: true, force: true });
  for (const entry of await readdir(join(volume, folder))) {
    if (!digests.has(`sha256:${entry}`)) await rm(join(volume, folder, entry), { recursive: true });
  }
};

/** Adds what a file or a whole directory takes. Skips files with other hard links, since their bytes may stay. */
const addUsage = async (path: string, usage: Usage): Promise<void> => {
  const found = await lstat(path);
  if (!found.isDirectory() && found.nlink > 1) return;
  usage.bytes += found.blocks * BLOCK;
  usage.inodes += 1;
  if (found.isDirectory()) for (const entry of await readdir(path)) await addUsage(join(path, entry), usage);
};
