import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type CapturedImage, type Contents, distinctLayers } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import type { ExportEvent } from '../model/events.ts';
import type { CaptureRequest } from '../model/request.ts';
import { writeVolume } from '../volume/write.ts';
import { CommandFailed, inNode, run } from './ctr.ts';
import { fetchImages, VOLUME_FULL } from './fetch-images.ts';
import { adoptLayers, unpackedLayers } from './layers.ts';
import { filesystemUuid, hideVolumeInNode, makeReadOnly, mountOf, remount, showVolumeInNode } from './mount.ts';
import { nodeImages, sandboxImage } from './node-store.ts';
import { startPrivateContainerd, WORK } from './private-containerd.ts';
import { wantedImages } from './wanted.ts';

export interface CaptureOptions {
  /** where the node's root is mounted; `/` when run on the node itself */
  root: string;
  /** where the volume is mounted */
  volume: string;
  /** of this tool */
  version: string;
  report: (event: ExportEvent) => void;
  signal: AbortSignal;
}

/** Captures the images of `request` onto the volume, format 1, and seals it. Throws PreloadError. */
export const capture = async (request: CaptureRequest, options: CaptureOptions): Promise<void> => {
  const { volume, version, report } = options;
  const device = await mountOf(volume);
  if (device?.superOptions.includes('ro')) await remount(volume, 'rw');
  await emptyVolume(volume);
  try {
    const images = await captureLayers(request, options);
    const uuid = device ? await filesystemUuid(options.root, device.source) : null;
    const created = new Date().toISOString();
    const contents = await writeVolume(volume, { version, created, platform: request.platform, uuid, images });
    const { blocks, bfree, bsize } = await statfs(volume);
    for (const image of images) report({ type: 'image', image });
    report({
      type: 'sealed',
      contents: withoutImages(contents),
      layers: distinctLayers(images).length,
      usedBytes: (blocks - bfree) * bsize,
      readOnly: device ? await makeReadOnly(volume) : false,
    });
  } catch (error) {
    throw isVolumeFull(error) ? new PreloadError('the volume is full', 'create again with a larger --size') : error;
  }
};

/** Fetches the images, unpacks them on the volume and moves their layers to where they belong. */
const captureLayers = async (request: CaptureRequest, options: CaptureOptions): Promise<CapturedImage[]> => {
  const { root, volume, signal } = options;
  const onNode = await nodeImages(inNode(root, ['ctr', '--namespace', 'k8s.io']), signal);
  const wanted = wantedImages(request, onNode, await sandboxImage(root, signal));
  const volumeInNode = await showVolumeInNode(root, volume);
  try {
    const containerd = await startPrivateContainerd(root, volume, volumeInNode);
    const layers = new Map<string, string>();
    let images: CapturedImage[];
    try {
      images = await fetchImages(wanted, containerd.ctr, request.platform, options);
      for (const image of images) {
        const unpacked = await unpackedLayers(containerd.ctr, image.layers, signal);
        for (const [chainId, folder] of unpacked) layers.set(chainId, folder);
      }
    } finally {
      await containerd.stop();
    }
    await adoptLayers(layers, volume, volumeInNode);
    await rm(join(volume, WORK), { recursive: true });
    await run(['sync']);
    return images;
  } finally {
    await hideVolumeInNode(root, volumeInNode);
  }
};

const emptyVolume = async (volume: string): Promise<void> => {
  for (const entry of await readdir(volume)) {
    if (entry !== 'lost+found') await rm(join(volume, entry), { recursive: true });
  }
};

const withoutImages = ({ images, ...rest }: Contents): Omit<Contents, 'images'> => rest;

const isVolumeFull = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC' ||
  (error instanceof CommandFailed && error.message.includes(VOLUME_FULL));
