import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CapturedImage } from '../../src/model/image.ts';
import { blobPath } from '../../src/model/oci.ts';
import { run } from '../cluster/machine/run.ts';
import { PLATFORM, writeIndex } from '../e2e/restore/small-volume.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { LAYOUT } from './image-set.ts';

/** Writes what the original tool writes: one archive per image. */
export const writeArchives = async (volume: string, images: readonly CapturedImage[]): Promise<void> => {
  await mkdir(join(volume, 'archives'));
  for (const [number, image] of images.entries()) {
    await writeArchive(join(volume, 'archives', `${String(number).padStart(3, '0')}.tar`), [image]);
  }
};

/** Writes one archive of all. */
export const writeArchive = async (file: string, images: readonly CapturedImage[]): Promise<void> => {
  const scratch = await mkdtemp(`${file}-`);
  await writeDocuments(scratch, images);
  await writeIndex(scratch, images);
  const layers = new Set(images.flatMap((image) => image.layers.map(({ digest }) => blobPath(digest))));
  await run(['tar', '-cf', file, '-C', scratch, 'oci-layout', 'index.json', 'blobs', '-C', LAYOUT, ...layers]);
  await rm(scratch, { recursive: true });
};

const writeDocuments = async (layout: string, images: readonly CapturedImage[]): Promise<void> => {
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  for (const digest of new Set(images.flatMap(({ digest, manifest, config }) => [digest, manifest, config]))) {
    await cp(join(LAYOUT, blobPath(digest)), join(layout, blobPath(digest)));
  }
};

export const loadImages = async (node: PrivateNode, archive: string): Promise<void> => {
  await node.ctr('images', 'import', '--platform', PLATFORM, archive);
};
