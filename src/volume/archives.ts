import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import type { ResolvedImage } from '../model/image.ts';
import { blobPath, type Descriptor, type Document, mediaTypeOf } from '../model/oci.ts';

export const OCI_LAYOUT = JSON.stringify({ imageLayoutVersion: '1.0.0' });

/** A name and the index or manifest it points to. */
interface NamedImage {
  name: string;
  target: Document;
}

/** The part of an image that its volume needs beside its layers. */
export type ImageDocuments = Pick<ResolvedImage, 'names' | 'target' | 'documents' | 'config' | 'platform'>;

type ImageWithLayers = ImageDocuments & { layers: readonly Descriptor[] };

export const namesOf = ({ names, target }: ImageDocuments): NamedImage[] => names.map((name) => ({ name, target }));

export const documentsOf = ({ documents, config }: ImageDocuments): Document[] => [...documents, config];

/** A blob on disk, because it may be too large for memory. */
interface BlobFile extends Descriptor {
  path: string;
}

/** An OCI layout's index.json: one entry per name, as both containerd and skopeo read them. */
export const ociIndex = (images: readonly NamedImage[]): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: images.map(({ name, target }) => ({
      mediaType: mediaTypeOf(target),
      digest: target.digest,
      size: target.data.length,
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
    })),
  });

/** `images`, `documents` and `layers` as an OCI layout in one archive for `ctr images import`, each blob once. */
const packImages = (
  images: readonly NamedImage[],
  documents: readonly Document[],
  layers: readonly BlobFile[] = [],
): Pack => {
  const archive = pack();
  const header = (name: string) => ({ name, mode: 0o644, mtime: new Date(0) });
  const add = (name: string, data: string | Buffer) => archive.entry(header(name), data);
  const fill = async () => {
    add('oci-layout', OCI_LAYOUT);
    add('index.json', ociIndex(images));
    const distinct = new Map(documents.map(({ digest, data }) => [digest, data]));
    for (const [digest, data] of distinct) add(blobPath(digest), data);
    for (const { digest, path, size } of new Map(layers.map((layer) => [layer.digest, layer])).values()) {
      await pipeline(createReadStream(path), archive.entry({ ...header(blobPath(digest)), size }));
    }
    archive.finalize();
  };
  fill().catch((error: Error) => archive.destroy(error));
  return archive;
};

/** The archive of `images` without layers. */
export const documentsArchive = async (
  images: readonly NamedImage[],
  documents: readonly Document[],
): Promise<Buffer> => buffer(packImages(images, documents));

export const writeImagesArchive = (file: string, ...content: Parameters<typeof packImages>): Promise<void> =>
  pipeline(packImages(...content), createWriteStream(file));

const MAX_NAME = 200; // bytes; file systems allow 255

/** `docker.io_library_nginx_1.27-0123456789ab.tar`; the digest keeps `a/b_c` and `a_b/c` apart. */
export const archiveName = ({ names, target }: Pick<ResolvedImage, 'names' | 'target'>): string => {
  const name = (names[0] ?? '').replaceAll(/[^A-Za-z0-9.-]/g, '_').slice(0, MAX_NAME);
  return `${name}-${target.digest.slice('sha256:'.length, 'sha256:'.length + 12)}.tar`;
};

/**
 * Writes one archive per image beside restore.sh, like the original tool, for nodes that run `ctr images import`. The
 * layers' blobs must be on the volume.
 */
export const writeArchivePerImage = async (volume: string, images: readonly ImageWithLayers[]): Promise<void> => {
  for (const image of images) {
    const layers = image.layers.map((layer) => ({ ...layer, path: join(volume, blobPath(layer.digest)) }));
    await writeImagesArchive(join(volume, archiveName(image)), namesOf(image), documentsOf(image), layers);
  }
};
