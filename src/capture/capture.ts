import { statfs } from 'node:fs/promises';
import { type Contents, distinctLayers, type SkippedImage } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import type { ExportEvent } from '../model/events.ts';
import { formOf } from '../model/layout.ts';
import { recordImages } from '../model/record.ts';
import type { CaptureRequest } from '../model/request.ts';
import { isVolumeFull } from '../node/command.ts';
import type { NodeStore } from '../node/containerd.ts';
import { isEncrypted } from '../node/encryption.ts';
import { releaseLeftovers } from '../node/held-layers.ts';
import {
  canHoldLayers,
  filesystemUuid,
  hideVolumeInNode,
  makeReadOnly,
  mountOf,
  remount,
  showVolumeInNode,
} from '../node/mount.ts';
import { identifyRun } from '../node/process-id.ts';
import type { CaptureOptions } from './context.ts';
import { limitRate } from './rate.ts';
import { nodeStore, registryOf } from './sources.ts';
import { writeImages } from './write-images.ts';

const ENCRYPTED =
  'this node encrypts the volume (dm-crypt), so its snapshot is encrypted too: new nodes need the key to open their disks before they mount them';

/** Captures the images of `request` onto the locked volume in format 1 and seals it. Throws PreloadError. */
export const captureImages = async (request: CaptureRequest, options: CaptureOptions): Promise<void> => {
  const { root, volume, force, remedies, signal } = options;
  const skipped: SkippedImage[] = [];
  const report = (event: ExportEvent): void => {
    if (event.type === 'skipped') skipped.push({ name: event.name, reason: event.reason });
    options.report(event);
  };
  const device = await mountOf(volume);
  if ([root, '/'].includes(volume)) {
    throw new PreloadError(`${volume} is a root filesystem`, 'specify a mounted volume with --to');
  }
  if (device && !canHoldLayers(device.type))
    throw new PreloadError(
      `the volume has ${device.type}, a shared filesystem, which cannot hold layers`,
      remedies.otherVolume,
    );
  if (!device && !force) {
    throw new PreloadError(
      `no volume is mounted at ${volume}`,
      'mount one there, or use export --force to write to the directory itself',
    );
  }
  if (device && (await isEncrypted(device.number))) report({ type: 'warning', message: ENCRYPTED });
  if (device?.superOptions.includes('ro')) await remount(volume, 'rw');
  const node = await nodeStore(request, options);
  const volumeInNode = await showVolumeInNode(root, volume, pathsOf(node));
  let written: Contents;
  try {
    await releaseLeftovers(root, node.ctr, signal);
    const runId = await identifyRun(root);
    const uuid = device ? await filesystemUuid(root, device.source) : null;
    const registry = await registryOf(node, options);
    const rateLimit = request.maxRate ? limitRate(request.maxRate) : undefined;
    try {
      written = await writeImages(
        { ...options, report, request, form: formOf(request), runId, node, registry, volumeInNode, rateLimit },
        uuid,
      );
    } finally {
      await registry.close();
    }
  } catch (error) {
    throw isVolumeFull(error) ? new PreloadError('the volume is full', remedies.largerVolume()) : error;
  } finally {
    await hideVolumeInNode(root, volumeInNode);
  }
  const { images, ...contents } = written;
  const { blocks, bfree, bsize } = await statfs(volume);
  const usedBytes = (blocks - bfree) * bsize;
  const readOnly = device ? await makeReadOnly(volume) : false;
  report({ type: 'recorded', lists: { ...recordImages(images), skipped } });
  report({ type: 'sealed', contents, layers: distinctLayers(images).length, usedBytes, readOnly });
};

/** What a capture uses on the node. */
const pathsOf = ({ config, program, ctrCommand }: NodeStore): string[] =>
  [config.root, config.snapshots, config.address, program, ...ctrCommand].filter((word) => word.startsWith('/'));
