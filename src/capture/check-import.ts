import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import type { CapturedImage, ResolvedImage } from '../model/image.ts';
import { SEED, type SeedMaker } from '../volume/format.ts';
import type { Capture } from './context.ts';
import { type ImportProblems, importDocuments } from './import-documents.ts';
import { startPrivateContainerd } from './private-containerd.ts';
import { buildSeed, type Seed, writeSeed } from './seed.ts';

/** What a containerd of this node makes of the images. */
interface Check {
  problems: ImportProblems;
  /** of the images that it accepts; undefined if the volume gets none */
  seed?: Seed;
}

/**
 * Checks that nodes can import the images, and builds the seed on the way. If it cannot be built, warns, and only checks.
 * Throws the error of a full volume.
 */
export const checkImport = async (capture: Capture, images: readonly ResolvedImage[]): Promise<Check> => {
  const { form, request } = capture;
  if (form.layers && request.seed) {
    try {
      const { problems, seed } = await buildSeed(capture, images);
      if (seed) return { problems, seed };
      const others = images.filter((image) => !problems.has(image));
      return { ...(others.length > 0 && (await buildSeed(capture, others))), problems };
    } catch (error) {
      warnOfNoSeed(capture, error);
    }
  }
  return { problems: await onlyImport(capture, images) };
};

/**
 * Writes the seed of the images that are complete to the volume. It is built again if it has others, too. Returns what made
 * it, or warns.
 */
export const finishSeed = async (
  capture: Capture,
  built: Seed,
  images: readonly ResolvedImage[],
  captured: readonly CapturedImage[],
  set: string,
): Promise<SeedMaker | undefined> => {
  try {
    const seed = hasExactly(built, images) ? built : (await buildSeed(capture, images)).seed;
    if (!seed) throw new PreloadError('containerd now rejects images that it accepted');
    await writeSeed(capture.volume, seed, captured, set);
    return { containerd: seed.version, schema: seed.schema };
  } catch (error) {
    await rm(join(capture.volume, SEED), { force: true });
    warnOfNoSeed(capture, error);
    return undefined;
  }
};

const hasExactly = (seed: Seed, images: readonly ResolvedImage[]): boolean =>
  seed.images.length === images.length && images.every((image) => seed.images.includes(image));

const warnOfNoSeed = ({ signal, report }: Capture, error: unknown): void => {
  signal.throwIfAborted();
  const message = `the volume gets no seed, so nodes take longer to restore it: ${(error as Error).message}`;
  report({ type: 'warning', message });
};

const onlyImport = async (capture: Capture, images: readonly ResolvedImage[]): Promise<ImportProblems> => {
  const containerd = await startPrivateContainerd(capture, 'check').catch((error: Error) => {
    capture.signal.throwIfAborted();
    capture.report({ type: 'warning', message: `cannot check that nodes can import the images: ${error.message}` });
  });
  if (!containerd) return new Map();
  try {
    return await importDocuments(capture, containerd, images);
  } finally {
    await containerd.stop();
  }
};
