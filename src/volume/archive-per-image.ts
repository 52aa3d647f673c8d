import { join } from 'node:path';
import type { CapturedLayer } from '../model/contents.ts';
import type { Blob } from '../model/oci.ts';
import { blobPath } from './format.ts';
import { writeImagesArchive } from './images-archive.ts';

/** An image with all its names, documents and layers. */
export interface WholeImage {
  names: string[];
  target: Blob;
  manifest: Blob;
  config: Blob;
  layers: readonly Omit<CapturedLayer, 'source'>[];
}

const MAX_NAME = 200; // bytes; file systems allow 255

/** `docker.io_library_nginx_1.27-0123456789ab.tar`; the digest keeps `a/b_c` and `a_b/c` apart. */
export const archiveName = ({ names, target }: Pick<WholeImage, 'names' | 'target'>): string => {
  const name = (names[0] ?? '').replaceAll(/[^A-Za-z0-9.-]/g, '_').slice(0, MAX_NAME);
  return `${name}-${target.digest.slice('sha256:'.length, 'sha256:'.length + 12)}.tar`;
};

/**
 * Writes every image as an archive of its own beside restore.sh, as the original tool did, for nodes that `ctr images
 * import` them. The layers' blobs must be on the volume.
 */
export const writeArchivePerImage = async (volume: string, images: readonly WholeImage[]): Promise<void> => {
  for (const image of images) {
    const { names, target, manifest, config } = image;
    const named = names.map((name) => ({ name, target }));
    const layers = image.layers.map(({ digest, bytes }) => ({ digest, bytes, path: join(volume, blobPath(digest)) }));
    await writeImagesArchive(join(volume, archiveName(image)), named, [target, manifest, config], layers);
  }
};
