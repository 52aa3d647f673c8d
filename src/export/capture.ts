import { statfs } from 'node:fs/promises';
import { type CapturedImage, type Contents, distinctLayers } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import { type Available, type CapturePlan, planCapture, sourceOf } from '../model/plan.ts';
import { roundUpToGibibytes } from '../model/quantity.ts';
import type { CaptureRequest } from '../model/request.ts';
import { writeVolume } from '../volume/write.ts';
import { availableBlobs } from './blobs.ts';
import { bringLayers } from './bring-layers.ts';
import type { Capture, CaptureOptions } from './capture-context.ts';
import { CommandFailed, run as runCommand } from './ctr.ts';
import { layerSums, sealedSums } from './layer-sums.ts';
import { lockVolume } from './lock.ts';
import { filesystemUuid, hideVolumeInNode, makeReadOnly, mountOf, remount, showVolumeInNode } from './mount.ts';
import { type NodeStore, readNodeStore } from './node-store.ts';
import { type ProgressMeter, progressMeter } from './progress-meter.ts';
import { createRegistryClient } from './registry/client.ts';
import { type ResolvedImage, resolveImages } from './resolve-images.ts';
import { identifyRun } from './run-identity.ts';
import { releaseLeftovers } from './unpacked-layers.ts';
import { openVolume, tidyVolume } from './volume-state.ts';
import { wantedImages } from './wanted.ts';

/** Captures the images of `request` onto the volume, format 1, and seals it. Throws PreloadError. */
export const captureImages = async (request: CaptureRequest, options: CaptureOptions): Promise<void> => {
  const { root, volume, report, signal } = options;
  const device = await mountOf(volume);
  if (device?.superOptions.includes('ro')) await remount(volume, 'rw');
  const volumeInNode = await showVolumeInNode(root, volume);
  const unlock = await lockVolume(root, volumeInNode);
  let written: Contents;
  try {
    const node = await readNodeStore(root, options.ctr, options.containerd, signal);
    await releaseLeftovers(root, node.ctr, signal);
    const run = await identifyRun(root);
    const uuid = device ? await filesystemUuid(root, device.source) : null;
    const registry = await registryOf(node, options);
    try {
      written = await writeImages({ ...options, request, run, node, registry, volumeInNode }, uuid);
    } finally {
      await registry.close();
    }
  } catch (error) {
    throw isVolumeFull(error) ? new PreloadError('the volume is full', 'create again with a larger --size') : error;
  } finally {
    await unlock();
    await hideVolumeInNode(root, volumeInNode);
  }
  const { images, ...contents } = written;
  const { blocks, bfree, bsize } = await statfs(volume);
  const usedBytes = (blocks - bfree) * bsize;
  await runCommand(['sync']);
  const readOnly = device ? await makeReadOnly(volume) : false;
  report({ type: 'sealed', contents, layers: distinctLayers(images).length, usedBytes, readOnly });
};

const registryOf = ({ certsFolders }: NodeStore, { root, pullSecrets, report }: CaptureOptions) =>
  createRegistryClient({
    root,
    pullSecrets,
    report: (message) => report({ type: 'warning', message }),
    ...(certsFolders.length > 0 && { certsFolders }),
  });

/** Brings all layers onto the volume and writes what describes them. */
const writeImages = async (capture: Capture, uuid: string | null): Promise<Contents> => {
  const { request, node, volume, report, version } = capture;
  const resolved = await resolveImages(capture, wantedImages(request, node.images, node.sandbox));
  const sealed = await sealedSums(volume);
  const onVolume = await openVolume(volume);
  const available = { onVolume, unpacked: node.unpacked, blobs: await availableBlobs(capture, resolved) };
  const plan = planCapture(resolved, available);
  report({ type: 'plan', plan });
  await checkSpace(capture, plan);

  const meter = progressMeter(capture, resolved, available, plan);
  const sums = layerSums(capture, new Map([...sealed].filter(([chainId]) => onVolume.has(chainId))));
  const layerDone: ProgressMeter['layerDone'] = (chainId, bytes) => {
    meter.layerDone(chainId, bytes);
    sums.add(chainId);
  };
  const complete = await bringLayers(capture, resolved, available, { ...meter, layerDone });
  const images = complete.map((image) => capturedImage(image, available));
  if (images.length === 0) throw new PreloadError('none of the images could be captured');
  const documents = new Map(
    complete.flatMap(({ target, manifest, config }) =>
      [target, manifest, config].map(({ digest, data }): [string, Buffer] => [digest, data]),
    ),
  );
  const chainIds = new Set(distinctLayers(images).map(({ chainId }) => chainId));
  await tidyVolume(volume, chainIds, new Set(documents.keys()));
  for (const image of images) report({ type: 'image', image });
  const created = new Date().toISOString();
  return writeVolume(
    volume,
    { version, created, platform: request.platform, uuid, images },
    documents,
    await sums.of(chainIds),
    capture.restoreScript,
  );
};

const capturedImage = ({ wanted, ...image }: ResolvedImage, available: Available): CapturedImage => ({
  names: image.names,
  digest: image.target.digest,
  manifest: image.manifest.digest,
  config: image.config.digest,
  layers: image.layers.map((layer) => ({ ...layer, source: sourceOf(layer, available) })),
  sandbox: wanted.some(({ sandbox }) => sandbox),
});

const FILESYSTEM_OVERHEAD = 1.05; // what a new filesystem keeps for itself

const checkSpace = async ({ volume, report }: Capture, { neededBytes }: CapturePlan): Promise<void> => {
  const { blocks, bavail, bsize } = await statfs(volume);
  if (neededBytes <= bavail * bsize) return;
  const size = ((blocks - bavail) * bsize + neededBytes) * FILESYSTEM_OVERHEAD;
  report({ type: 'too-small', size });
  throw new PreloadError(
    'the volume is too small for these images',
    `create again with --size ${roundUpToGibibytes(size)}`,
  );
};

const isVolumeFull = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC' ||
  (error instanceof CommandFailed && /no space left on device/i.test(error.message));
