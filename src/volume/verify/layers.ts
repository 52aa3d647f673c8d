import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VolumeContents } from '../../model/contents.ts';
import { distinctLayers } from '../../model/contents.ts';
import type { CapturedImage } from '../../model/image.ts';
import { hasLayers } from '../../model/layout.ts';
import { forEachParallel } from '../../model/parallel.ts';
import { LAYER_SUMS, parseLayerSums } from '../checksums.ts';
import { layerFolder } from '../format.ts';
import { DIGESTS_AT_ONCE, type TreeDigest } from '../tree-digest.ts';
import type { Problems } from './problems.ts';
import { kindOf, readText } from './read.ts';

/** Digests a layer on the volume; throws if it cannot be read. */
export type LayerDigester = (chainId: string) => Promise<TreeDigest>;

interface LayerReading {
  digestLayer: LayerDigester;
  /** gets the bytes of each layer and the number of layers */
  onLayer: (bytes: number, total: number) => void;
}

/** Checks that no layer is missing or unexpected, and that each is as captured. Returns the number of layers. */
export const checkLayers = async (
  volume: string,
  contents: VolumeContents,
  problems: Problems,
  { digestLayer, onLayer }: LayerReading,
): Promise<number> => {
  const layers = hasLayers(contents.layout) ? distinctLayers(contents.images) : [];
  const chainIds = layers.map(({ chainId }) => chainId);
  const sums = parseLayerSums((await readText(volume, LAYER_SUMS)) ?? '');
  await findUnexpected(volume, new Set(chainIds), problems);
  const check = async (chainId: string): Promise<void> => {
    const path = layerFolder(chainId);
    const add = (problem: string) => problems.add(path, problem, usersOf(contents.images, chainId));
    const problem = await placeProblem(volume, path);
    if (problem) return add(problem);
    const found = await digestLayer(chainId).catch((error: Error) => add(`cannot be read: ${error.message}`));
    const sum = sums.get(chainId);
    if (found && !sum) add('cannot be checked: the volume has no checksum for it');
    else if (found && found.digest !== sum) add('differs from what was captured');
    onLayer(found?.bytes ?? 0, chainIds.length);
  };
  await forEachParallel(chainIds, DIGESTS_AT_ONCE, check);
  return chainIds.length;
};

const placeProblem = async (volume: string, path: string): Promise<string | undefined> => {
  const kind = await kindOf(volume, path);
  if (kind !== 'folder') return kind ? 'is not a folder' : 'is missing';
  const beside = (await readdir(join(volume, dirname(path)))).length - 1;
  return beside > 0 ? 'has unexpected files beside it' : undefined;
};

const findUnexpected = async (volume: string, chainIds: ReadonlySet<string>, problems: Problems): Promise<void> => {
  const kind = await kindOf(volume, 'layers');
  if (kind !== 'folder') {
    if (kind || chainIds.size > 0) problems.add('layers', 'is missing or not a folder');
    return;
  }
  for (const hex of await readdir(join(volume, 'layers'))) {
    if (!chainIds.has(`sha256:${hex}`)) problems.add(join('layers', hex), 'unexpected file or folder');
  }
};

const usersOf = (images: readonly CapturedImage[], chainId: string): string[] =>
  images.filter(({ layers }) => layers.some((layer) => layer.chainId === chainId)).map(({ names }) => names[0] ?? '');
