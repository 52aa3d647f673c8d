import { type Available, type CapturePlan, sourceOf } from '../model/plan.ts';
import type { Capture } from './capture-context.ts';
import type { ResolvedImage } from './resolve-images.ts';

/** Counts what has arrived and reports it, at most four times a second. */
export interface ProgressMeter {
  /** bytes of a blob have come */
  bytesDone: (count: number) => void;
  /** a layer is whole on the volume; `bytes` of it were copied */
  layerDone: (chainId: string, bytes?: number) => void;
}

const INTERVAL = 250;

export const progressMeter = (
  { report }: Pick<Capture, 'report'>,
  images: readonly ResolvedImage[],
  available: Available,
  plan: CapturePlan,
): ProgressMeter => {
  const total = plan.pullBytes + plan.blobBytes + plan.copyBytes;
  const missing = images.map(
    ({ layers }) =>
      new Set(layers.filter((layer) => sourceOf(layer, available) !== 'volume').map(({ chainId }) => chainId)),
  );
  let bytes = 0;
  let last = 0;
  const tell = () => {
    const done = missing.filter((chainIds) => chainIds.size === 0).length;
    if (Date.now() - last < INTERVAL && done < images.length) return;
    last = Date.now();
    report({
      type: 'progress',
      images: { done, total: images.length },
      bytes: { done: Math.min(bytes, total), total },
    });
  };
  return {
    bytesDone: (count) => {
      bytes += count;
      tell();
    },
    layerDone: (chainId, copied = 0) => {
      bytes += copied;
      for (const chainIds of missing) chainIds.delete(chainId);
      tell();
    },
  };
};
