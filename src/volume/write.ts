import { createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { CapturedImage, Contents } from '../model/contents.ts';
import { digestOf, mediaTypeOf } from '../model/oci.ts';
import {
  blobPath,
  CONTENTS_FILE,
  contentsFile,
  IMAGES_ARCHIVE,
  LAYER_LIST,
  layerList,
  NAME_LIST,
  nameList,
  RESTORE_SCRIPT,
} from './format.ts';
import { restoreScript } from './restore/script.ts';

const OCI_LAYOUT = JSON.stringify({ imageLayoutVersion: '1.0.0' });

export const writeBlob = async (volume: string, digest: string, data: Buffer): Promise<void> => {
  const path = join(volume, blobPath(digest));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
};

/**
 * Writes all of the volume but layers/ and blobs/, which must be there, and preload.json last. `contents.set` is derived
 * from what is written.
 */
export const writeVolume = async (volume: string, contents: Omit<Contents, 'set'>): Promise<Contents> => {
  const { images } = contents;
  const index = await ociIndex(volume, images);
  const layers = layerList(images);
  const names = nameList(images);
  await mkdir(join(volume, 'restore'), { recursive: true });
  await writeFile(join(volume, 'oci-layout'), OCI_LAYOUT);
  await writeFile(join(volume, 'index.json'), index);
  await writeFile(join(volume, LAYER_LIST), layers);
  await writeFile(join(volume, NAME_LIST), names);
  await writeFile(join(volume, RESTORE_SCRIPT), restoreScript, { mode: 0o755 });
  await writeImagesArchive(volume, index, images);

  const checksums: Record<string, string> = {};
  for (const path of [IMAGES_ARCHIVE, LAYER_LIST, NAME_LIST, RESTORE_SCRIPT]) {
    checksums[path] = digestOf(await readFile(join(volume, path)));
  }
  const set = digestOf(layers + names).slice('sha256:'.length, 'sha256:'.length + 12);
  const complete = { ...contents, set };
  await replaceFile(join(volume, CONTENTS_FILE), contentsFile(complete, checksums));
  return complete;
};

/** The OCI layout's index.json: one entry per name, as containerd and skopeo read them. */
const ociIndex = async (volume: string, images: readonly CapturedImage[]): Promise<string> => {
  const manifests = [];
  for (const image of images) {
    const data = await readFile(join(volume, blobPath(image.digest)));
    for (const name of image.names) {
      const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name };
      manifests.push({ mediaType: mediaTypeOf(data), digest: image.digest, size: data.length, annotations });
    }
  }
  return JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests });
};

/** The layout without layer blobs, as one archive that `ctr images import` reads. */
const writeImagesArchive = async (volume: string, index: string, images: readonly CapturedImage[]): Promise<void> => {
  const digests = new Set(images.flatMap((image) => [image.digest, image.manifest, image.config]));
  const archive = pack();
  const written = pipeline(archive, createWriteStream(join(volume, IMAGES_ARCHIVE)));
  const add = (name: string, data: string | Buffer) => archive.entry({ name, mode: 0o644, mtime: new Date(0) }, data);
  add('oci-layout', OCI_LAYOUT);
  add('index.json', index);
  for (const digest of digests) add(blobPath(digest), await readFile(join(volume, blobPath(digest))));
  archive.finalize();
  await written;
};

/** Writes `path` so that after a crash it is there whole or not at all. */
const replaceFile = async (path: string, text: string): Promise<void> => {
  const file = await open(`${path}.tmp`, 'w');
  await file.writeFile(text);
  await file.sync();
  await file.close();
  await rename(`${path}.tmp`, path);
};
