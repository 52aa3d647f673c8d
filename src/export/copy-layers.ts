import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { layerFolder } from '../volume/format.ts';
import type { Capture } from './capture-context.ts';
import { inNode, run } from './ctr.ts';
import { gentle, mortal } from './node-tools.ts';
import { forEachParallel } from './parallel.ts';

/** Layers that are being written; what is in layers/ is whole. */
export const UNFINISHED = '.unfinished';

/**
 * Copies unpacked layers of the node, folders by chain ID as the node sees them, several at once and gently, since it is
 * somebody's live node.
 */
export const copyLayers = async (
  capture: Capture,
  folders: ReadonlyMap<string, string>,
  onCopied: (chainId: string) => void,
): Promise<void> => {
  const { root, volume, volumeInNode, request, signal } = capture;
  const words = [...(await mortal(root)), ...(await gentle(root))];
  await forEachParallel([...folders], request.parallel, async ([chainId, folder]) => {
    const target = layerFolder(chainId);
    const unfinished = join(UNFINISHED, target);
    await mkdir(join(volume, dirname(unfinished)), { recursive: true });
    // "/." copies what a link to a folder leads to, together with the folder's own attributes
    const copy = ['cp', '-a', `${folder}/.`, join(volumeInNode, unfinished)];
    await run(inNode(root, [...words, ...copy]), signal);
    await finishLayer(volume, unfinished, chainId);
    onCopied(chainId);
  });
};

/** Moves a layer that is whole, at `from` on the volume, to its place. */
export const finishLayer = async (volume: string, from: string, chainId: string): Promise<void> => {
  const target = join(volume, layerFolder(chainId));
  await rm(dirname(target), { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(join(volume, from), target);
};
