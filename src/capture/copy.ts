import { access, mkdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import { run } from '../node/command.ts';
import { exists } from '../node/files.ts';
import { layerFolder, UNFINISHED } from '../volume/format.ts';
import type { Capture } from './context.ts';
import { treeCopier } from './copy-tree.ts';

/** Returns a function that copies an unpacked layer from a directory on the node. */
export const layerCopier = async (capture: Capture) => {
  const { volume } = capture;
  const { copyTree } = await treeCopier(capture);
  return async (chainId: string, folder: string): Promise<void> => {
    const unfinished = join(UNFINISHED, layerFolder(chainId));
    await mkdir(join(volume, dirname(unfinished)), { recursive: true });
    await copyTree(folder, unfinished).catch(async (error) => {
      await rm(join(volume, dirname(unfinished)), { recursive: true, force: true });
      throw error;
    });
    await finishLayer(volume, unfinished, chainId);
  };
};

/** Moves a complete layer from `from` on the volume to its final place. */
export const finishLayer = async (volume: string, from: string, chainId: string): Promise<void> => {
  const target = join(volume, layerFolder(chainId));
  await rm(dirname(target), { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(join(volume, from), target);
};

/**
 * Throws PreloadError if copying loses what overlayfs writes into layers; some versions of cp do so without an error.
 * The kernel creates the sample, a whiteout and an opaque directory, and a mount of the copy shows what it hides.
 */
export const testCopy = async (capture: Capture): Promise<void> => {
  const { volume, volumeInNode } = capture;
  const { copyTree, tool, remedy } = await treeCopier(capture);
  const place = join(UNFINISHED, 'copy-test');
  const here = (name: string) => join(volume, place, name);
  await rm(here('.'), { recursive: true, force: true });
  for (const folder of ['lower/opaque', 'upper', 'work', 'work-of-copy', 'merged']) {
    await mkdir(here(folder), { recursive: true });
  }
  for (const file of ['lower/removed', 'lower/opaque/hidden']) await writeFile(here(file), '');

  await overlay(here, 'upper', 'work', async () => {
    await unlink(here('merged/removed'));
    await rm(here('merged/opaque'), { recursive: true });
    await mkdir(here('merged/opaque'));
  });
  await copyTree(join(volumeInNode, place, 'upper'), join(place, 'copy'));
  const kept = await overlay(here, 'copy', 'work-of-copy', async () => {
    await access(here('merged/opaque'));
    return !(await exists(here('merged/removed'))) && !(await exists(here('merged/opaque/hidden')));
  });
  await rm(here('.'), { recursive: true });
  if (kept) return;
  throw new PreloadError(`${tool} does not preserve whiteouts or extended attributes`, remedy);
};

const overlay = async <T>(
  here: (name: string) => string,
  upper: string,
  work: string,
  use: () => Promise<T>,
): Promise<T> => {
  const layers = `lowerdir=${here('lower')},upperdir=${here(upper)},workdir=${here(work)}`;
  await run(['mount', '-t', 'overlay', 'overlay', '-o', layers, here('merged')]);
  try {
    return await use();
  } finally {
    await run(['umount', here('merged')]);
  }
};
