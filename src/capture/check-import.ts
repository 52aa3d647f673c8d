import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ResolvedImage } from '../model/image.ts';
import { isVolumeFull, run } from '../node/command.ts';
import { parseImageTable } from '../node/containerd.ts';
import { documentsOf, namesOf, writeImagesArchive } from '../volume/archives.ts';
import { CHECK } from '../volume/format.ts';
import type { Capture } from './context.ts';
import { type PrivateContainerd, startPrivateContainerd } from './private-containerd.ts';

/**
 * Imports the documents of `images` as nodes will. Returns why containerd rejects some, by image: nodes import all at once,
 * so a single one would cost them all. Throws the error of a full volume.
 */
export const importProblems = async (
  capture: Capture,
  images: readonly ResolvedImage[],
): Promise<ReadonlyMap<ResolvedImage, string>> => {
  const problems = new Map<ResolvedImage, string>();
  const containerd = await startPrivateContainerd(capture, CHECK).catch((error: Error) => {
    capture.signal.throwIfAborted();
    capture.report({ type: 'warning', message: `cannot check that nodes can import the images: ${error.message}` });
  });
  if (!containerd) return problems;
  try {
    if (!(await importProblem(capture, containerd, images))) return problems;
    for (const image of images) {
      const problem = await importProblem(capture, containerd, [image]);
      if (problem) problems.set(image, problem);
    }
    return problems;
  } finally {
    await containerd.stop();
  }
};

/** Why containerd cannot import the images, or undefined if it can. */
const importProblem = async (
  capture: Capture,
  containerd: PrivateContainerd,
  images: readonly ResolvedImage[],
): Promise<string | undefined> => {
  try {
    for (const [platform, group] of Map.groupBy(images, (image) => image.platform)) {
      await importDocuments(capture, containerd, group, platform ?? capture.request.platform);
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

const importDocuments = async (
  { volume, volumeInNode, signal }: Capture,
  { ctr, work }: PrivateContainerd,
  images: readonly ResolvedImage[],
  platform: string,
): Promise<void> => {
  const archive = join(work, 'images.tar');
  await writeImagesArchive(archive, images.flatMap(namesOf), images.flatMap(documentsOf));
  const archiveInNode = join(volumeInNode, relative(volume, archive));
  await run([...ctr, 'images', 'import', '--no-unpack', '--platform', platform, archiveInNode], signal);
  await rm(archive);
};
