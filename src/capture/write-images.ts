import { statfs } from 'node:fs/promises';
import { type Contents, distinctLayers } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import type { CapturedImage, ResolvedImage } from '../model/image.ts';
import { hasBlobs } from '../model/layout.ts';
import { type CapturePlan, planCapture, sourceIn } from '../model/plan.ts';
import type { NodeTools } from '../model/request.ts';
import { roundUpToGibibytes } from '../model/units.ts';
import { isVolumeFull } from '../node/command.ts';
import { documentsOf, writeArchivePerImage } from '../volume/archives.ts';
import type { RestoreDefaults } from '../volume/format.ts';
import { writeVolume } from '../volume/write.ts';
import { blobFetcher, blobsOfNode, writeBlobs } from './blobs.ts';
import type { Capture } from './context.ts';
import { layerSums, sealedSums } from './digests.ts';
import { writeBack } from './flush.ts';
import { writeLayers } from './layers.ts';
import { progressMeter } from './meter.ts';
import { giveUp, resolveImages } from './resolve.ts';
import { clearVolume, finishVolume, inspectVolume, reclaimableBytes, tidyVolume } from './volume.ts';
import { wantedImages } from './wanted.ts';

const NOTHING = 'none of the images could be captured';

/** Writes all images and their metadata to the volume. Throws PreloadError. */
export const writeImages = async (capture: Capture, uuid: string | null): Promise<Contents> => {
  const { request, form, node, volume, report, version, withScript } = capture;
  const resolved = await resolveImages(capture, wantedImages(request, node.images, node.sandbox));
  if (resolved.length === 0) throw new PreloadError(NOTHING);
  const state = await inspectVolume(capture);
  const onNode = { unpacked: node.unpacked, blobs: await blobsOfNode(node, resolved) };
  const plan = planCapture(resolved, { ...onNode, onVolume: state.layers, blobsOnVolume: state.blobs }, form);
  report({ type: 'plan', plan: plan.summary });
  await checkSpace(capture, plan, await reclaimableBytes(volume, state));
  const sealed = await sealedSums(volume);
  await clearVolume(volume, state);

  const meter = progressMeter(capture, resolved, plan);
  const fetchBlob = blobFetcher(capture, meter);
  const sums = layerSums(capture, new Map([...sealed].filter(([chainId]) => state.layers.has(chainId))));
  const disk = writeBack(volume, capture.signal);
  const layerDone = (chainId: string, bytes?: number) => {
    meter.partDone(chainId, bytes);
    sums.add(chainId);
    disk.begin();
  };
  const unpacked = form.layers ? await writeLayers(capture, resolved, plan, { fetchBlob, layerDone }) : resolved;
  const withBlobs = form.blobs
    ? await writeBlobs(unpacked, fetchBlob, (image, error) => onBlobFailure(capture, image, error))
    : [];
  const complete = form.layers ? unpacked : withBlobs;
  if (complete.length === 0) throw new PreloadError(NOTHING);
  if (form.archives) await writeArchivePerImage(volume, withBlobs);

  const { layout, platform } = request;
  const keptBlobs = new Set(hasBlobs(layout) ? withBlobs : []);
  const images = complete.map((image) => capturedImage(image, plan, keptBlobs));
  const blobs = [...complete.flatMap(documentsOf), ...[...keptBlobs].flatMap(({ layers }) => layers)];
  const chainIds = form.layers ? distinctLayers(images).map(({ chainId }) => chainId) : [];
  await tidyVolume(volume, new Set(chainIds), new Set(blobs.map(({ digest }) => digest)));
  for (const image of images) report({ type: 'image', image });
  const contents = { version, created: new Date().toISOString(), platform, layout, uuid, images };
  // a sealed volume is trusted even after a power failure, so its data must be on disk first
  const [digests] = await Promise.all([sums.of(chainIds), disk.end()]);
  const defaults = restoreDefaults(request.tools);
  const written = await writeVolume(volume, {
    contents,
    captured: complete,
    layerSums: digests,
    withScript,
    defaults,
  });
  await finishVolume(volume);
  await disk.end();
  return written;
};

/** Warns that an image has no blobs, or gives up on it if the volume has no unpacked layers. */
const onBlobFailure = (capture: Capture, image: ResolvedImage, error: unknown): void => {
  capture.signal.throwIfAborted();
  if (isVolumeFull(error)) throw error;
  const message = `captured ${image.names[0]} without its blobs, so nodes cannot import it: ${(error as Error).message}`;
  if (capture.form.layers) capture.report({ type: 'warning', message });
  else giveUp(capture, image.wanted, error);
};

const capturedImage = (
  image: ResolvedImage,
  plan: CapturePlan,
  withBlobs: ReadonlySet<ResolvedImage>,
): CapturedImage => ({
  names: image.names,
  digest: image.target.digest,
  manifest: image.manifest.digest,
  config: image.config.digest,
  ...documentsBeside(image),
  ...(image.platform && { platform: image.platform }),
  layers: image.layers.map(({ chainId, digest, size }) => ({
    chainId,
    digest,
    bytes: size,
    source: sourceIn(plan, chainId),
  })),
  sandbox: image.wanted.some(({ sandbox }) => sandbox),
  system: image.wanted.some(({ namespaces }) => namespaces.includes('kube-system')),
  blobs: withBlobs.has(image),
});

const documentsBeside = ({ target, manifest, documents }: ResolvedImage): Pick<CapturedImage, 'documents'> => {
  const others = documents.filter((document) => document !== target && document !== manifest);
  return others.length > 0 ? { documents: others.map(({ digest }) => digest) } : {};
};

const FILESYSTEM_OVERHEAD = 1.05; // space that a new filesystem reserves

const checkSpace = async (
  { volume, report, remedies }: Capture,
  { summary: { neededBytes } }: CapturePlan,
  reclaimable: number,
): Promise<void> => {
  const { blocks, bavail, bsize } = await statfs(volume);
  const available = bavail * bsize + reclaimable;
  if (neededBytes <= available) return;
  const size = (blocks * bsize - available + neededBytes) * FILESYSTEM_OVERHEAD;
  report({ type: 'too-small', size });
  throw new PreloadError('the volume is too small for these images', remedies.largerVolume(roundUpToGibibytes(size)));
};

/** Returns the settings of this node that differ from the defaults; restore.sh uses them on new nodes. */
export const restoreDefaults = ({ ctrPath, ctrFlags }: NodeTools): RestoreDefaults => {
  const address = /(?:^|\s)(?:-a|--address)[\s=]+(\S+)/.exec(ctrFlags)?.[1]?.replace(/^unix:\/\//, '');
  return { ...(ctrPath !== 'ctr' && { ctr: ctrPath }), ...(address && { address }) };
};
