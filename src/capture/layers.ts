import type { ResolvedImage } from '../model/image.ts';
import { type CapturePlan, sourceIn } from '../model/plan.ts';
import { isVolumeFull } from '../node/command.ts';
import type { BlobFetcher } from './blobs.ts';
import { requiredFirst } from './choose.ts';
import type { Capture } from './context.ts';
import type { ProgressMeter } from './meter.ts';
import { copyFromNode } from './node-layers.ts';
import { giveUp } from './resolve.ts';
import { startUnpacker } from './unpack.ts';

const WAVE = 8; // images to unpack before their layers are moved

interface LayerTasks {
  fetchBlob: BlobFetcher;
  layerDone: ProgressMeter['partDone'];
  /** the plan without these layers of the node, by chain ID */
  replan: (lost: ReadonlySet<string>) => CapturePlan;
}

/** Gets an image that could not be captured. */
type OnFailed = (image: ResolvedImage, error: unknown) => void;

/**
 * Writes all layers of `images` to the volume unpacked, each from its best source. Returns the complete images, and the
 * plan as it was carried out.
 */
export const writeLayers = async (
  capture: Capture,
  images: readonly ResolvedImage[],
  planned: CapturePlan,
  tasks: LayerTasks,
): Promise<{ complete: ResolvedImage[]; plan: CapturePlan }> => {
  let plan = planned;
  const failed = new Set<ResolvedImage>();
  const fail: OnFailed = (image, error) => {
    failed.add(image);
    giveUp(capture, image.wanted, error);
  };
  const postponed = new Set<ResolvedImage>();
  const postpone: OnFailed = (image, error) => {
    if (isVolumeFull(error)) postponed.add(image);
    else fail(image, error);
  };
  plan = await attempt(capture, images, plan, { ...tasks, fail: postpone });
  // One image may have filled the volume that others needed too. Alone, each shows whether it fits.
  for (const image of smallestFirst(postponed)) {
    plan = await attempt(capture, [image], plan, { ...tasks, fail });
  }
  return { complete: images.filter((image) => !failed.has(image)), plan };
};

/** Those that must not be skipped come before all others. */
const smallestFirst = (images: Iterable<ResolvedImage>): ResolvedImage[] => {
  const bytes = ({ layers }: ResolvedImage) => layers.reduce((sum, { size }) => sum + size, 0);
  return requiredFirst([...images].sort((a, b) => bytes(a) - bytes(b)));
};

const attempt = async (
  capture: Capture,
  images: readonly ResolvedImage[],
  planned: CapturePlan,
  { fetchBlob, layerDone, replan, fail }: LayerTasks & { fail: OnFailed },
): Promise<CapturePlan> => {
  const failures = await copyFromNode(capture, images, planned, layerDone);
  const lost = [...failures].filter(([, error]) => !isVolumeFull(error)).map(([chainId]) => chainId);
  const plan = lost.length > 0 ? replan(new Set(lost)) : planned;
  const incomplete: ResolvedImage[] = [];
  const blobsOf = ({ layers }: ResolvedImage) =>
    layers.filter(({ chainId }) => ['blob', 'registry'].includes(sourceIn(plan, chainId)));
  for (const image of images) {
    const full = image.layers.map(({ chainId }) => failures.get(chainId)).find(isVolumeFull);
    if (full) fail(image, full);
    else if (blobsOf(image).length > 0) incomplete.push(image);
  }
  if (incomplete.length > 0) {
    // start all fetches now, so that none waits for an image to be unpacked
    const fetched = new Map(
      incomplete.map((image) => [image, failureOf(blobsOf(image).map((layer) => fetchBlob(image, layer)))]),
    );
    await unpackBlobs(capture, fetched, layerDone, fail);
  }
  return plan;
};

/** Returns the error of the first task that fails, or undefined. */
const failureOf = (tasks: readonly Promise<void>[]): Promise<Error | undefined> =>
  Promise.all(tasks).then(
    () => undefined,
    (error: Error) => error,
  );

/** Unpacks images whose blobs have been fetched, WAVE images at a time. */
const unpackBlobs = async (
  capture: Capture,
  failures: ReadonlyMap<ResolvedImage, Promise<Error | undefined>>,
  layerDone: ProgressMeter['partDone'],
  fail: OnFailed,
): Promise<void> => {
  const images = [...failures.keys()];
  const unpacker = await startUnpacker(capture);
  try {
    for (let first = 0; first < images.length; first += WAVE) {
      const wave: ResolvedImage[] = [];
      for (const image of images.slice(first, first + WAVE)) {
        const failure = await failures.get(image);
        if (failure) fail(image, failure);
        else wave.push(image);
      }
      for (const { layers } of await unpacker.unpack(wave, fail)) for (const { chainId } of layers) layerDone(chainId);
    }
  } finally {
    await unpacker.stop();
  }
};
