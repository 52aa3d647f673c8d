import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Contents } from '../model/contents.ts';
import { hasBlobs } from '../model/layout.ts';
import { type Blob, blobPath, digestOf } from '../model/oci.ts';
import { OCI_LAYOUT, ociIndex, writeImagesArchive } from './archives.ts';
import { writeChecksums } from './checksums.ts';
import {
  BLOB_LIST,
  blobList,
  CONTENTS_FILE,
  contentsFile,
  IMAGES_ARCHIVE,
  LAYER_LIST,
  layerList,
  NAME_LIST,
  nameList,
  RESTORE_SCRIPT,
  type RestoreDefaults,
  setOf,
} from './format.ts';
import { restoreScript } from './restore/script.ts';

const writeBlob = async (volume: string, digest: string, data: Buffer): Promise<void> => {
  const path = join(volume, blobPath(digest));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
};

export interface WriteOptions {
  /** write restore.sh */
  withScript: boolean;
  /** defaults of restore.sh */
  defaults: RestoreDefaults;
}

/**
 * Writes everything except layers/ and layer blobs, which must already be on the volume; preload.json comes last.
 * `documents` are the indexes, manifests and configs by digest, `layerSums` the tree digests of layers by chain ID. Returns
 * `contents` with the set and the checksum. Throws if a document is missing.
 */
export const writeVolume = async (
  volume: string,
  contents: Omit<Contents, 'set'>,
  documents: ReadonlyMap<string, Buffer>,
  layerSums: ReadonlyMap<string, string>,
  { withScript, defaults }: WriteOptions = { withScript: true, defaults: {} },
): Promise<Contents> => {
  const { images, layout } = contents;
  const blob = (digest: string): Blob => {
    const data = documents.get(digest);
    if (!data) throw new Error(`no document ${digest}`);
    return { digest, data };
  };
  const named = images.flatMap(({ names, digest }) => names.map((name) => ({ name, target: blob(digest) })));
  const layers = layerList(images);
  const names = nameList(images);
  await mkdir(join(volume, 'restore'), { recursive: true });
  for (const [digest, data] of documents) await writeBlob(volume, digest, data);
  await writeFile(join(volume, 'oci-layout'), OCI_LAYOUT);
  await writeFile(join(volume, 'index.json'), ociIndex(named));
  await writeFile(join(volume, LAYER_LIST), layers);
  await writeFile(join(volume, NAME_LIST), names);
  if (hasBlobs(layout)) await writeFile(join(volume, BLOB_LIST), blobList(images));
  if (withScript) await writeFile(join(volume, RESTORE_SCRIPT), restoreScript, { mode: 0o755 });
  const digests = images.flatMap((image) => [image.digest, image.manifest, image.config]);
  await writeImagesArchive(join(volume, IMAGES_ARCHIVE), named, digests.map(blob));

  const checksums: Record<string, string> = {};
  const lists = [IMAGES_ARCHIVE, LAYER_LIST, NAME_LIST, ...(hasBlobs(layout) ? [BLOB_LIST] : [])];
  for (const path of [...lists, ...(withScript ? [RESTORE_SCRIPT] : [])]) {
    checksums[path] = digestOf(await readFile(join(volume, path)));
  }
  const complete = { ...contents, set: setOf(layers, names) };
  const text = contentsFile(complete, checksums, defaults);
  const checksum = await writeChecksums(volume, layerSums, text);
  await replaceFile(join(volume, CONTENTS_FILE), text);
  return { ...complete, checksum };
};

/** Writes `path` so that after a crash it is either complete or missing. */
const replaceFile = async (path: string, text: string): Promise<void> => {
  const file = await open(`${path}.tmp`, 'w');
  await file.writeFile(text);
  await file.sync();
  await file.close();
  await rename(`${path}.tmp`, path);
};
