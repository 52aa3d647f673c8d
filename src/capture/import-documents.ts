import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedImage } from '../model/image.ts';
import { isVolumeFull, run } from '../node/command.ts';
import { parseImageTable } from '../node/containerd.ts';
import { documentsOf, namesOf, writeImagesArchive } from '../volume/archives.ts';
import type { Capture } from './context.ts';
import type { PrivateContainerd } from './private-containerd.ts';

/** Why containerd rejects some images, by image. */
export type ImportProblems = ReadonlyMap<ResolvedImage, string>;

/**
 * Imports the documents of `images` as nodes will. Returns why containerd rejects some: nodes import all at once, so a
 * single one would cost them all. What it then has is undefined. Throws the error of a full disk.
 */
export const importDocuments = async (
  capture: Capture,
  containerd: PrivateContainerd,
  images: readonly ResolvedImage[],
): Promise<ImportProblems> => {
  const problems = new Map<ResolvedImage, string>();
  if (!(await importProblem(capture, containerd, images))) return problems;
  for (const image of images) {
    const problem = await importProblem(capture, containerd, [image]);
    if (problem) problems.set(image, problem);
  }
  return problems;
};

/** Why containerd cannot import the images, or undefined if it can. */
const importProblem = async (
  capture: Capture,
  containerd: PrivateContainerd,
  images: readonly ResolvedImage[],
): Promise<string | undefined> => {
  try {
    for (const [platform, group] of Map.groupBy(images, (image) => image.platform)) {
      await importArchive(capture, containerd, group, platform ?? capture.request.platform);
    }
    const there = parseImageTable((await run([...containerd.ctr, 'images', 'ls'], capture.signal)).toString());
    const missing = images.flatMap(namesOf).find(({ name, target }) => there.get(name) !== target.digest);
    return missing && `${missing.name} is missing after an import`;
  } catch (error) {
    capture.signal.throwIfAborted();
    if (isVolumeFull(error)) throw error;
    return (error as Error).message;
  }
};

const importArchive = async (
  { signal }: Capture,
  { ctr, work, workInNode }: PrivateContainerd,
  images: readonly ResolvedImage[],
  platform: string,
): Promise<void> => {
  const archive = join(work, 'images.tar');
  await writeImagesArchive(archive, images.flatMap(namesOf), images.flatMap(documentsOf));
  await run(
    [...ctr, 'images', 'import', '--no-unpack', '--platform', platform, join(workInNode, 'images.tar')],
    signal,
  );
  await rm(archive);
};
