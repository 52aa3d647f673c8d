import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { distinctLayers, type VolumeContents } from '../../model/contents.ts';
import { hasLayers } from '../../model/layout.ts';
import { HOT_LIST, layerFolder } from '../format.ts';
import { parseHotList } from '../hot-list.ts';
import type { Problems } from './problems.ts';
import { kindOf, readText } from './read.ts';

/** Checks that the list of hot files, if there is one, names regular files of the volume's layers, with their sizes. */
export const checkHotList = async (volume: string, contents: VolumeContents, problems: Problems): Promise<void> => {
  const text = await readText(volume, HOT_LIST);
  if (text === undefined || problems.has(HOT_LIST)) return;
  const files = parseHotList(text);
  if (!files) return problems.add(HOT_LIST, 'is invalid');
  const layers = new Set(
    hasLayers(contents.layout) ? distinctLayers(contents.images).map(({ chainId }) => chainId) : [],
  );
  for (const [index, { chainId, bytes, path }] of files.entries()) {
    if (layers.has(chainId) && (await sizeOf(volume, join(layerFolder(chainId), path))) === bytes) continue;
    return problems.add(HOT_LIST, `line ${index + 1} does not match the layers`);
  }
};

/** Bytes of a regular file on the volume; undefined if it is missing or a parent folder is a link. */
export const sizeOf = async (volume: string, path: string): Promise<number | undefined> =>
  (await kindOf(volume, path)) === 'file' ? (await lstat(join(volume, path))).size : undefined;
