import type { ResolvedImage } from '../model/image.ts';
import { forEachParallel, limiter } from '../model/parallel.ts';
import { type CapturePlan, sourceIn } from '../model/plan.ts';
import { holdLayers, releaseLayers } from '../node/held-layers.ts';
import type { BlobFetcher } from './blobs.ts';
import type { Capture } from './context.ts';
import { layerCopier, testCopy } from './copy.ts';
import type { ProgressMeter } from './meter.ts';
import { giveUp } from './resolve.ts';
import { startUnpacker } from './unpack.ts';

const WAVE = 8; // images to unpack before their layers are moved

/** Writes all layers of `images` to the volume unpacked, each from its best source. Returns the complete images. */
export const writeLayers = async (
  capture: Capture,
  images: readonly ResolvedImage[],
  plan: CapturePlan,
  { fetchBlob, layerDone }: { fetchBlob: BlobFetcher; layerDone: ProgressMeter['partDone'] },
): Promise<ResolvedImage[]> => {
  await copyFromNode(capture, images, plan, layerDone);
  const failed = new Set<ResolvedImage>();
  const fail = (image: ResolvedImage, error: unknown) => {
    failed.add(image);
    giveUp(capture, image.wanted, error);
  };
  const blobsOf = ({ layers }: ResolvedImage) =>
    layers.filter(({ chainId }) => ['blob', 'registry'].includes(sourceIn(plan, chainId)));
  const incomplete = images.filter((image) => blobsOf(image).length > 0);
  if (incomplete.length > 0) {
    // start all fetches now, so that none waits for an image to be unpacked
    const failures = new Map(
      incomplete.map((image) => [image, failureOf(blobsOf(image).map((layer) => fetchBlob(image, layer)))]),
    );
    await unpackBlobs(capture, failures, layerDone, fail);
  }
  return images.filter((image) => !failed.has(image));
};

/** Returns the error of the first task that fails, or undefined. */
const failureOf = (tasks: readonly Promise<void>[]): Promise<Error | undefined> =>
  Promise.all(tasks).then(
    () => undefined,
    (error: Error) => error,
  );

/** Copies what the node has unpacked. Keeps containerd from removing it meanwhile. */
const copyFromNode = async (
  capture: Capture,
  images: readonly ResolvedImage[],
  plan: CapturePlan,
  layerDone: ProgressMeter['partDone'],
): Promise<void> => {
  const chains = chainsToRead(images, plan);
  if (chains.length === 0) return;
  await testCopy(capture);
  const { ctr } = capture.node;
  const { parallel } = capture.request;
  const copyLayer = await layerCopier(capture);
  const limit = limiter(parallel);
  const begun = new Set<string>();
  const keys: string[] = [];
  try {
    // copy each chain as soon as it is held: holding all of them takes as long as copying them
    await forEachParallel(chains, parallel, async (chain) => {
      const { folders, key } = await holdLayers(ctr, capture.runId, chain, capture.signal);
      if (key) keys.push(key);
      const layers = [...folders].filter(([chainId]) => isCopied(chainId, plan) && !begun.has(chainId));
      for (const [chainId] of layers) begun.add(chainId);
      await forEachParallel(layers, parallel, async ([chainId, folder]) => {
        await limit(() => copyLayer(chainId, folder));
        layerDone(chainId, plan.layers.get(chainId)?.unpacked);
      });
    });
  } finally {
    await releaseLayers(ctr, keys);
  }
};

/** Returns chains on the node, base first and without duplicates, that contain every layer to copy. */
const chainsToRead = (images: readonly ResolvedImage[], plan: CapturePlan): string[][] => {
  const chains = new Map<string, string[]>();
  for (const { layers } of images) {
    const chainIds = layers.map(({ chainId }) => chainId);
    const chain = chainIds.slice(0, chainIds.findLastIndex((chainId) => isCopied(chainId, plan)) + 1);
    const top = chain.at(-1);
    if (top) chains.set(top, chain);
  }
  return [...chains.values()];
};

const isCopied = (chainId: string, plan: CapturePlan): boolean => sourceIn(plan, chainId) === 'node';

/** Unpacks images whose blobs have been fetched, WAVE images at a time. */
const unpackBlobs = async (
  capture: Capture,
  failures: ReadonlyMap<ResolvedImage, Promise<Error | undefined>>,
  layerDone: ProgressMeter['partDone'],
  fail: (image: ResolvedImage, error: unknown) => void,
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
      await unpacker.unpack(wave, fail);
      for (const image of wave) for (const { chainId } of image.layers) layerDone(chainId);
    }
  } finally {
    await unpacker.stop();
  }
};
