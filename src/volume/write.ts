import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Contents } from '../model/contents.ts';
import { hasBlobs } from '../model/layout.ts';
import { blobPath, type Document, digestOf } from '../model/oci.ts';
import { documentsOf, type ImageDocuments, namesOf, OCI_LAYOUT, ociIndex, writeImagesArchive } from './archives.ts';
import { writeChecksums } from './checksums.ts';
import {
  BLOB_LIST,
  blobList,
  CONTENTS_FILE,
  contentsFile,
  HOT_LIST,
  imagesArchive,
  LAYER_LIST,
  layerList,
  NAME_LIST,
  nameList,
  otherPlatforms,
  RESTORE_SCRIPT,
  type RestoreDefaults,
  SEED,
  type SeedMaker,
  setOf,
} from './format.ts';
import { hotList, type SizedHotFile } from './hot-list.ts';
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
  await mkdir(join(volume, 'restore'), { recursive: true });
  for (const document of documents) await writeDocument(volume, document);
  await writeFile(join(volume, 'oci-layout'), OCI_LAYOUT);
  await writeFile(join(volume, 'index.json'), ociIndex(named));
  await writeFile(join(volume, LAYER_LIST), layers);
  await writeFile(join(volume, NAME_LIST), names);
  if (hasBlobs(layout)) await writeFile(join(volume, BLOB_LIST), blobList(images));
  const hot = hotList(hotFiles);
  if (hot) await writeFile(join(volume, HOT_LIST), hot);
  if (withScript) await writeFile(join(volume, RESTORE_SCRIPT), restoreScript, { mode: 0o755 });
  const archives = new Map(
    [undefined, ...otherPlatforms(images)].map((platform) => [imagesArchive(platform), platform]),
  );
  for (const [path, platform] of archives) {
    const archived = captured.filter((image) => image.platform === platform);
    await writeImagesArchive(join(volume, path), archived.flatMap(namesOf), archived.flatMap(documentsOf));
  }

  const checksums: Record<string, string> = {};
  const lists = [...archives.keys(), LAYER_LIST, NAME_LIST];
  const optional = [...(hasBlobs(layout) ? [BLOB_LIST] : []), ...(hot ? [HOT_LIST] : []), ...(seed ? [SEED] : [])];
  for (const path of [...lists, ...optional, ...(withScript ? [RESTORE_SCRIPT] : [])]) {
    checksums[path] = digestOf(await readFile(join(volume, path)));
  }
  const complete = { ...contents, set: setOf(layers, names) };
  const text = contentsFile(complete, checksums, defaults, seed);
  const checksum = await writeChecksums(volume, layerSums, text);
  await replaceFile(join(volume, CONTENTS_FILE), text);
  return { ...complete, checksum, contentsDigest: digestOf(text) };
};

/** Writes `path` so that after a crash it is either complete or missing. */
const replaceFile = async (path: string, text: string): Promise<void> => {
  const file = await open(`${path}.tmp`, 'w');
  await file.writeFile(text);
  await file.sync();
  await file.close();
  await rename(`${path}.tmp`, path);
};
