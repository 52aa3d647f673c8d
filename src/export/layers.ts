import { mkdir, rename } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import { layerFolder } from '../volume/format.ts';
import { type Ctr, run } from './ctr.ts';

/** Snapshot folders of the overlay mount that `ctr snapshots prepare --target` prints, base layer first. */
export const parseLowerDirectories = (mountCommand: string): string[] => {
  const lower = /lowerdir=([^\s,]+)/.exec(mountCommand)?.[1];
  return lower ? lower.split(':').reverse() : [];
};

/** Where the containerd of `ctr` has each layer of an image unpacked: folder by chain ID, one command for all of them. */
export const unpackedLayers = async (
  ctr: Ctr,
  layers: readonly { chainId: string }[],
  signal: AbortSignal,
): Promise<Map<string, string>> => {
  const top = layers.at(-1)?.chainId;
  if (!top) return new Map();
  const key = `preload-list-${top}`;
  const mountCommand = await run([...ctr, 'snapshots', 'prepare', '--target', '/', key, top], signal);
  await run([...ctr, 'snapshots', 'rm', key], signal);
  const folders = parseLowerDirectories(mountCommand.toString());
  if (folders.length !== layers.length) {
    throw new PreloadError(`containerd shows ${folders.length} layers of ${layers.length} below ${top}`);
  }
  return new Map(layers.map(({ chainId }, index) => [chainId, folders[index] ?? '']));
};

/**
 * Moves unpacked layers, given as paths inside the node, into the layers/ folder of the volume. No byte is copied, and
 * no containerd may use them any more.
 */
export const adoptLayers = async (
  layers: ReadonlyMap<string, string>,
  volume: string,
  volumeInNode: string,
): Promise<void> => {
  for (const [chainId, folder] of layers) {
    const target = join(volume, layerFolder(chainId));
    await mkdir(join(target, '..'), { recursive: true });
    await rename(join(volume, relative(volumeInNode, folder)), target);
  }
};
