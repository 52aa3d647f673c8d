import { createReadStream, createWriteStream } from 'node:fs';
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

/** A blob too large for the memory. */
export interface BlobFile {
  digest: string;
  path: string;
  bytes: number;
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

/** Writes an OCI layout of `images` with `blobs` and `layers`, each once, as one archive that `ctr images import` reads. */
export const writeImagesArchive = async (
  file: string,
  images: readonly NamedImage[],
  blobs: readonly Blob[],
  layers: readonly BlobFile[] = [],
): Promise<void> => {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(file));
  const header = (name: string) => ({ name, mode: 0o644, mtime: new Date(0) });
  const add = (name: string, data: string | Buffer) => archive.entry(header(name), data);
  const fill = async () => {
    add('oci-layout', OCI_LAYOUT);
    add('index.json', ociIndex(images));
    const distinct = new Map(blobs.map((blob) => [blob.digest, blob.data]));
    for (const [digest, data] of distinct) add(blobPath(digest), data);
    for (const { digest, path, bytes } of new Map(layers.map((layer) => [layer.digest, layer])).values()) {
      await pipeline(createReadStream(path), archive.entry({ ...header(blobPath(digest)), size: bytes }));
    }
    archive.finalize();
  };
  const filled = fill().catch((error: Error) => {
    archive.destroy(error);
    throw error;
  });
  await Promise.all([filled, written]);
};
