import { join } from 'node:path';
import type { ResolvedImage } from '../model/image.ts';
import { imageName } from '../model/image-reference.ts';
import { forEachParallel, limiter } from '../model/parallel.ts';
import { type CapturePlan, sourceIn } from '../model/plan.ts';
import { isVolumeFull } from '../node/command.ts';
import { exists } from '../node/files.ts';
import { holdLayers, releaseLayers } from '../node/held-layers.ts';
import { layerFolder } from '../volume/format.ts';
import type { Capture } from './context.ts';
import { layerCopier, testCopy } from './copy.ts';
import type { ProgressMeter } from './meter.ts';

/**
 * Copies what the node has unpacked. Keeps containerd from removing it meanwhile. Returns the errors of layers that could
 * not be copied, by chain ID: the node may have lost them, or cannot read them.
 */
export const copyFromNode = async (
  capture: Capture,
  images: readonly ResolvedImage[],
  plan: CapturePlan,
  layerDone: ProgressMeter['partDone'],
): Promise<ReadonlyMap<string, unknown>> => {
  const chains = chainsToRead(images, plan);
  const failures = new Map<string, unknown>();
  if (chains.length === 0) return failures;
  const { ctr } = capture.node;
  const { parallel } = capture.request;
  const copyLayer = await layerCopier(capture);
  const limit = limiter(parallel);
  const begun = new Map<string, Promise<void>>();
  const keys: string[] = [];
  const copyOnce = (chainId: string, folder: string): Promise<void> => {
    const known = begun.get(chainId);
    if (known) return known;
    const copied = limit(async () => {
      if (!(await exists(join(capture.volume, layerFolder(chainId))))) await copyLayer(chainId, folder);
      layerDone(chainId, plan.layers.get(chainId)?.unpacked);
    });
    begun.set(chainId, copied);
    return copied;
  };
  const failed = (chainIds: readonly string[], error: unknown) => {
    capture.signal.throwIfAborted();
    for (const chainId of chainIds) failures.set(chainId, error);
  };
  try {
    await testCopy(capture);
    // copy each chain as soon as it is held: holding all of them takes as long as copying them
    await forEachParallel(chains, parallel, async (chain) => {
      const wanted = chain.filter((chainId) => isCopied(chainId, plan));
      try {
        const { folders, key } = await holdLayers(ctr, capture.runId, chain, capture.signal);
        if (key) keys.push(key);
        await forEachParallel(wanted, parallel, async (chainId) => {
          await copyOnce(chainId, folders.get(chainId) ?? '').catch((error) => failed([chainId], error));
        });
      } catch (error) {
        failed(wanted, error);
      }
    });
  } catch (error) {
    if (!isVolumeFull(error)) throw error;
    failed(
      chains.flat().filter((chainId) => isCopied(chainId, plan)),
      error,
    );
  } finally {
    await releaseLayers(ctr, keys);
  }
  // another image may still have held a layer that this one could not
  for (const [chainId, copied] of begun)
    await copied.then(
      () => failures.delete(chainId),
      () => {},
    );
  warnOfLost(capture, images, failures);
  return failures;
};

const warnOfLost = (
  { report }: Capture,
  images: readonly ResolvedImage[],
  failures: ReadonlyMap<string, unknown>,
): void => {
  for (const { layers, wanted } of images) {
    const [error] = layers.map(({ chainId }) => failures.get(chainId)).filter(Boolean);
    const [first] = wanted;
    if (!error || !first || isVolumeFull(error)) continue;
    const message = `fetching layers of ${imageName(first.name)}, because the node's cannot be copied: ${(error as Error).message}`;
    report({ type: 'warning', message });
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
