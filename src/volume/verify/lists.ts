import type { VolumeContents } from '../../model/contents.ts';
import { hasBlobs } from '../../model/layout.ts';
import {
  BLOB_LIST,
  blobList,
  CONTENTS_FILE,
  HOT_LIST,
  imagesArchives,
  LAYER_LIST,
  layerList,
  NAME_LIST,
  nameList,
  RESTORE_SCRIPT,
  SEED,
  setOf,
} from '../format.ts';
import { digestOrProblem } from './files.ts';
import type { Problems } from './problems.ts';
import { kindOf, readText } from './read.ts';

/** Checks that the files that restore.sh reads match preload.json and its checksums. */
export const checkLists = async (volume: string, contents: VolumeContents, problems: Problems): Promise<void> => {
  const { images, layout, set, checksums } = contents;
  const layers = await readText(volume, LAYER_LIST);
  const names = await readText(volume, NAME_LIST);
  const blobs = await readText(volume, BLOB_LIST);
  const differ = (path: string) => problems.add(path, 'does not match preload.json');
  if (layers !== layerList(images)) differ(LAYER_LIST);
  if (names !== nameList(images)) differ(NAME_LIST);
  if (blobs !== (hasBlobs(layout) ? blobList(images) : undefined)) differ(BLOB_LIST);
  if (![LAYER_LIST, NAME_LIST].some(problems.has) && setOf(layers ?? '', names ?? '') !== set) {
    problems.add(CONTENTS_FILE, 'does not match the lists in restore/');
  }

  const needed = [LAYER_LIST, NAME_LIST, ...imagesArchives(images).keys()];
  for (const path of [BLOB_LIST, SEED, HOT_LIST, RESTORE_SCRIPT]) {
    if ((await kindOf(volume, path)) === 'file') needed.push(path);
  }
  for (const path of new Set([...needed, ...Object.keys(checksums)])) {
    if (problems.has(path)) continue;
    if ((await kindOf(volume, path)) !== 'file') problems.add(path, 'is missing');
    else if ((await digestOrProblem(volume, path, problems)) !== checksums[path]) {
      problems.add(path, 'does not match its checksum in preload.json');
    }
  }
};
