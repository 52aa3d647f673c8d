import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Contents } from '../model/contents.ts';
import { hasBlobs } from '../model/layout.ts';
import { blobPath, type Document, digestOf } from '../model/oci.ts';
import { documentsArchive, documentsOf, type ImageDocuments, namesOf, OCI_LAYOUT, ociIndex } from './archives.ts';
import { writeChecksums } from './checksums.ts';
import {
  BLOB_LIST,
  blobList,
  CONTENTS_FILE,
  contentsFile,
  HOT_LIST,
  imagesArchives,
  LAYER_LIST,
  layerList,
  NAME_LIST,
  nameList,
  RESTORE_SCRIPT,
  type RestoreDefaults,
  SEED,
  type SeedMaker,
  setOf,
} from './format.ts';
import { hotList, type SizedHotFile } from './hot-list.ts';
import { giveBackPlaces, writeInPlace } from './place.ts';
import { restoreScript } from './restore/script.ts';

const writeDocument = async (volume: string, { digest, data }: Document): Promise<void> => {
  const path = join(volume, blobPath(digest));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
};

interface VolumeParts {
  contents: Omit<Contents, 'set'>;
  /** the images in `contents`, with their documents */
  captured: readonly ImageDocuments[];
  /** tree digests of layers by chain ID */
  layerSums: ReadonlyMap<string, string>;
  /** what made the seed, which must already be on the volume; undefined if it has none */
  seed?: SeedMaker;
  /** in layers, most urgent first */
  hotFiles: readonly SizedHotFile[];
  /** write restore.sh */
  withScript: boolean;
  /** of restore.sh */
  defaults: RestoreDefaults;
}

/**
 * Writes everything except layers/, layer blobs and the seed, which must already be on the volume; preload.json comes last. Returns
 * the contents with the set, the checksum and the digest.
 */
export const writeVolume = async (
  volume: string,
  { contents, captured, layerSums, seed, hotFiles, withScript, defaults }: VolumeParts,
): Promise<Contents> => {
  const { images, layout } = contents;
  const named = captured.flatMap(namesOf);
  const documents = captured.flatMap(documentsOf);
  const layers = layerList(images);
  const names = nameList(images);
  for (const document of documents) await writeDocument(volume, document);
  await writeFile(join(volume, 'oci-layout'), OCI_LAYOUT);
  await writeFile(join(volume, 'index.json'), ociIndex(named));
  await writeInPlace(volume, LAYER_LIST, layers);
  await writeInPlace(volume, NAME_LIST, names);
  if (hasBlobs(layout)) await writeInPlace(volume, BLOB_LIST, blobList(images));
  const hot = hotList(hotFiles);
  if (hot) await writeInPlace(volume, HOT_LIST, hot);
  if (withScript) await writeInPlace(volume, RESTORE_SCRIPT, restoreScript, 0o755);
  const archives = imagesArchives(images);
  for (const [path, platform] of archives) {
    const archived = captured.filter((image) => image.platform === platform);
    const archive = await documentsArchive(archived.flatMap(namesOf), archived.flatMap(documentsOf));
    await writeInPlace(volume, path, [archive]);
  }
  await giveBackPlaces(volume, CONTENTS_FILE);

  const checksums: Record<string, string> = {};
  const lists = [...archives.keys(), LAYER_LIST, NAME_LIST];
  const optional = [...(hasBlobs(layout) ? [BLOB_LIST] : []), ...(hot ? [HOT_LIST] : []), ...(seed ? [SEED] : [])];
  for (const path of [...lists, ...optional, ...(withScript ? [RESTORE_SCRIPT] : [])]) {
    checksums[path] = digestOf(await readFile(join(volume, path)));
  }
  const complete = { ...contents, set: setOf(layers, names) };
  const text = contentsFile(complete, checksums, defaults, seed);
  const checksum = await writeChecksums(volume, layerSums, text);
  await writeInPlace(volume, CONTENTS_FILE, text);
  await giveBackPlaces(volume);
  return { ...complete, checksum, contentsDigest: digestOf(text) };
};
