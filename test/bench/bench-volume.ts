import { cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CapturedImage } from '../../src/model/image.ts';
import { blobPath } from '../../src/model/oci.ts';
import * as format from '../../src/volume/format.ts';
import { run } from '../cluster/machine/run.ts';
import { finishVolume, PLATFORM, writeIndex } from '../e2e/restore/small-volume.ts';
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

/** Writes a volume of format 1 with layers and blobs, out of the store of a node that has the images. */
export const writeVolume = async (
  volume: string,
  images: readonly CapturedImage[],
  node: PrivateNode,
): Promise<void> => {
  await writeDocuments(volume, images);
  await writeIndex(volume, images);
  await run(['tar', '-cf', 'images.tar', 'oci-layout', 'index.json', 'blobs'], { cwd: volume });
  for (const digest of new Set(images.flatMap((image) => image.layers.map((layer) => layer.digest)))) {
    await cp(join(LAYOUT, blobPath(digest)), join(volume, blobPath(digest)));
  }
  for (const image of images) await writeLayers(volume, image, node);
  await finishVolume(volume, images, { blobs: true });
};

const writeLayers = async (volume: string, { layers }: CapturedImage, node: PrivateNode): Promise<void> => {
  const mounts = await node.ctr('snapshots', 'prepare', '--target', '/', 'reading', layers.at(-1)?.chainId ?? '');
  await node.ctr('snapshots', 'rm', 'reading');
  const folders = (/lowerdir=([^, ]+)/.exec(mounts)?.[1] ?? '').split(':').reverse();
  for (const [depth, { chainId }] of layers.entries()) {
    const target = join(volume, format.layerFolder(chainId));
    if (await exists(target)) continue;
    await mkdir(dirname(target), { recursive: true });
    await run(['cp', '-a', hostPath(node, folders[depth] ?? ''), target]);
  }
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

/** A path of the node as this process sees it. */
const hostPath = (node: PrivateNode, path: string): string => `/proc/${node.pid}/root${path}`;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
