import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { distinctLayers, type VolumeContents } from '../../model/contents.ts';
import { PreloadError } from '../../model/errors.ts';
import { hasLayers } from '../../model/layout.ts';
import { blobPath, mediaTypeOf, parseDocument } from '../../model/oci.ts';
import { SEED } from '../format.ts';
import { DATABASE_FILES, seedEntries } from '../seed/archive.ts';
import { fileIn, gnuTar } from '../seed/gnu-tar.ts';
import { readStore } from '../seed/store.ts';
import type { Problems } from './problems.ts';

const MAX_SEED = 1024 ** 3; // bytes; that of 500 images has about 20 MB

/**
 * Checks that the seed has exactly what preload.json lists. Its archive must have the very bytes that follow from that: then
 * every tar reads the same. Only on a volume without any other problem.
 */
export const checkSeed = async (volume: string, contents: VolumeContents, problems: Problems): Promise<void> => {
  if (contents.checksums[SEED] === undefined || problems.all().length > 0) return;
  try {
    await compare(volume, contents);
  } catch (error) {
    if (!(error instanceof PreloadError)) throw error;
    problems.add(SEED, `does not match preload.json: ${error.message}`);
  }
};

const compare = async (volume: string, { images, layout, set, seedSchema }: VolumeContents): Promise<void> => {
  const path = join(volume, SEED);
  if ((await lstat(path)).size > MAX_SEED) throw new PreloadError('it is too large');
  if (!hasLayers(layout)) throw new PreloadError('the volume has no layers');
  const archive = await readFile(path);
  const databases = {
    metadata: fileIn(archive, DATABASE_FILES.metadata),
    snapshots: fileIn(archive, DATABASE_FILES.snapshots),
  };
  const documents = await readDocuments(volume, images);
  const mediaType = (digest: string) => mediaTypeOf(parseDocument(documents.get(digest) ?? Buffer.of(), digest));
  const layers = distinctLayers(images);
  const found = readStore(databases, {
    images: images.map((image) => ({ ...image, target: { digest: image.digest, mediaType: mediaType(image.digest) } })),
    documents: new Map([...documents].map(([digest, data]) => [digest, data.length])),
    layers,
    set,
  });
  if (found.schema !== seedSchema) throw new PreloadError(`its schema has version ${found.schema}`);
  const held = new Map([...documents].filter(([digest]) => found.documents.has(digest)));
  const entries = seedEntries({ databases, documents: held, layers, numbers: found.numbers, set });
  let at = 0;
  for (const piece of gnuTar(entries)) {
    if (!piece.equals(archive.subarray(at, at + piece.length)))
      throw new PreloadError('its archive has something else');
    at += piece.length;
  }
  if (at !== archive.length) throw new PreloadError('its archive goes on after its end');
};

/** All documents of the images, by digest. */
const readDocuments = async (
  volume: string,
  images: VolumeContents['images'],
): Promise<ReadonlyMap<string, Buffer>> => {
  const read = new Map<string, Buffer>();
  for (const { digest, manifest, config, documents = [] } of images) {
    for (const each of [digest, manifest, config, ...documents]) {
      if (!read.has(each)) read.set(each, await readFile(join(volume, blobPath(each))));
    }
  }
  return read;
};
