import type { Verification, VerifyProgress } from '../../model/verification.ts';
import { checkBlobs } from './blobs.ts';
import { readContents } from './contents.ts';
import { checkDocuments } from './documents.ts';
import { checkFiles } from './files.ts';
import { checkHotList } from './hot-list.ts';
import { checkLayers, type LayerDigester } from './layers.ts';
import { checkLists } from './lists.ts';
import { collectProblems } from './problems.ts';
import { checkSeed } from './seed.ts';

/** Checks every file, blob and layer on a volume, and that nothing is missing or unexpected. Writes nothing. */
export const verifyVolume = async (
  volume: string,
  digestLayer: LayerDigester,
  onProgress: (progress: VerifyProgress) => void,
): Promise<Verification> => {
  const problems = collectProblems();
  const progress = { layers: { done: 0, total: 0 }, bytes: 0 };
  const onBytes = (count: number): void => {
    progress.bytes += count;
    onProgress(progress);
  };
  const contents = await readContents(volume, problems);
  const checksum = await checkFiles(volume, problems, onBytes);
  const counts = { images: contents?.images.length ?? 0, layers: 0, blobs: 0 };
  if (contents) {
    await checkLists(volume, contents, problems);
    await checkHotList(volume, contents, problems);
    counts.blobs = await checkBlobs(volume, contents, problems, onBytes);
    await checkDocuments(volume, contents, problems);
    await checkSeed(volume, contents, problems);
    const onLayer = (bytes: number, total: number): void => {
      progress.layers = { done: progress.layers.done + 1, total };
      onBytes(bytes);
    };
    counts.layers = await checkLayers(volume, contents, problems, { digestLayer, onLayer });
  }
  const { bytes } = progress;
  return {
    ...counts,
    bytes,
    ...(contents && { set: contents.set }),
    ...(checksum && { checksum }),
    problems: problems.all(),
  };
};
