import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gentle, inNode, mortal, run } from '../node/command.ts';
import { layerFolder } from '../volume/format.ts';
import type { Capture } from './context.ts';

/** Layers that are being written; what is in layers/ is whole. */
export const UNFINISHED = '.unfinished';

/** A copier of unpacked layers, from a folder as the node sees it; gentle, since it is somebody's live node. */
export const layerCopier = async ({ root, volume, volumeInNode, signal }: Capture) => {
  const words = [...(await mortal(root)), ...(await gentle(root))];
  return async (chainId: string, folder: string): Promise<void> => {
    const unfinished = join(UNFINISHED, layerFolder(chainId));
    await mkdir(join(volume, dirname(unfinished)), { recursive: true });
    // "/." copies what a link to a folder leads to, together with the folder's own attributes
    const copy = ['cp', '-a', `${folder}/.`, join(volumeInNode, unfinished)];
    await run(inNode(root, [...words, ...copy]), signal);
    await finishLayer(volume, unfinished, chainId);
  };
};

/** Moves a layer that is whole, at `from` on the volume, to its place. */
export const finishLayer = async (volume: string, from: string, chainId: string): Promise<void> => {
  const target = join(volume, layerFolder(chainId));
  await rm(dirname(target), { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(join(volume, from), target);
};
