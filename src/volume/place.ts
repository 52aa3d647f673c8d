import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isVolumeFull } from '../node/command.ts';
import { kindOf } from './verify/read.ts';

// A cloud may load a new disk only as it is read, in blocks of about 512 KiB. A node reads first what is written last, so these
// files get their places before the layers do: all of them are then in few blocks, side by side near the start of the volume.

/** Places that no file has yet. */
export const PLACES = '.places';
const NEW = '.new';
const SMALLEST = 68 * 1024; // ext4 puts files of up to 64 KiB elsewhere

/** The path of a file until it is complete. */
export const placeOf = (path: string): string => join(PLACES, basename(path));

/** Keeps the places of files of an older capture, and nothing of what an interrupted one has left. */
export const keepPlaces = async (volume: string, paths: readonly string[]): Promise<void> => {
  await rm(join(volume, PLACES), { recursive: true, force: true });
  for (const path of paths) {
    if ((await kindOf(volume, path)) !== 'file') continue;
    const { nlink } = await lstat(join(volume, path));
    // with other links, it is also a file of a layer
    if (nlink > 1) continue;
    await mkdir(join(volume, PLACES), { recursive: true });
    await rename(join(volume, path), join(volume, placeOf(path)));
  }
};

/** Takes places for files side by side. `sizes` are about their bytes, by path. Without enough space, it takes none. */
export const takePlaces = async (volume: string, sizes: ReadonlyMap<string, number>): Promise<void> => {
  try {
    await mkdir(join(volume, PLACES), { recursive: true });
    for (const [path, bytes] of sizes) await takePlace(volume, path, bytes);
  } catch (error) {
    if (!isVolumeFull(error)) throw error;
    for (const path of [NEW, PLACES]) await rm(join(volume, path), { recursive: true, force: true });
  }
};

const takePlace = async (volume: string, path: string, bytes: number): Promise<void> => {
  const place = join(volume, placeOf(path));
  const kept = await lstat(place).catch(() => undefined);
  // ext4 spreads folders, and puts a file where its first folder is: for the root, that is near the start
  const taken = kept ? place : join(volume, NEW);
  const missing = Math.max(bytes, SMALLEST) - (kept?.size ?? 0);
  const file = await open(taken, 'a');
  try {
    if (missing > 0) await file.writeFile(Buffer.alloc(missing)); // not every filesystem can reserve
    await file.sync(); // before that, it has no place
  } finally {
    await file.close();
  }
  await rename(taken, place);
};

/** Writes a file to its place, if it has one. After a crash it is either complete or missing. */
export const writeInPlace = async (
  volume: string,
  path: string,
  content: string | readonly Buffer[],
  mode = 0o644,
): Promise<void> => {
  const parts = typeof content === 'string' ? [Buffer.from(content)] : content;
  const place = join(volume, placeOf(path));
  for (const folder of [dirname(place), dirname(join(volume, path))]) await mkdir(folder, { recursive: true });
  const file = await open(place, constants.O_WRONLY | constants.O_CREAT); // O_TRUNC would give the place back
  try {
    await file.writeFile(parts);
    await file.truncate(parts.reduce((sum, { length }) => sum + length, 0));
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(place, join(volume, path));
};

/** Gives back the places that no file needs, except for that of `last`, which is still to be written. */
export const giveBackPlaces = async (volume: string, last?: string): Promise<void> => {
  for (const entry of await readdir(join(volume, PLACES))) if (entry !== last) await rm(join(volume, PLACES, entry));
  if (!last) await rmdir(join(volume, PLACES));
};
