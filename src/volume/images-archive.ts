import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { type Blob, mediaTypeOf } from '../model/oci.ts';
import { blobPath } from './format.ts';

export const OCI_LAYOUT = JSON.stringify({ imageLayoutVersion: '1.0.0' });

/** A name and the index or manifest it points to. */
export interface NamedImage {
  name: string;
  target: Blob;
}

/** An OCI layout's index.json: one entry per name, as both containerd and skopeo read them. */
export const ociIndex = (images: readonly NamedImage[]): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: images.map(({ name, target: { digest, data } }) => ({
      mediaType: mediaTypeOf(data),
      digest,
      size: data.length,
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
    })),
  });

/** Writes an OCI layout of `images` with `blobs` as one archive that `ctr images import` reads. */
export const writeImagesArchive = async (
  file: string,
  images: readonly NamedImage[],
  blobs: readonly Blob[],
): Promise<void> => {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(file));
  const add = (name: string, data: string | Buffer) => archive.entry({ name, mode: 0o644, mtime: new Date(0) }, data);
  add('oci-layout', OCI_LAYOUT);
  add('index.json', ociIndex(images));
  const distinct = new Map(blobs.map((blob) => [blob.digest, blob.data]));
  for (const [digest, data] of distinct) add(blobPath(digest), data);
  archive.finalize();
  await written;
};
