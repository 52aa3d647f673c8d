import { type Available, type CapturePlan, sourceOf } from '../model/plan.ts';
import type { Capture } from './context.ts';
import type { ResolvedImage } from './resolve.ts';

/** Counts what has arrived and reports it, at most four times a second. */
export interface ProgressMeter {
  /** bytes of a blob have come */
  bytesDone: (count: number) => void;
  /** a layer or blob, by chain ID or digest, is whole on the volume; `bytes` of it were copied */
  partDone: (id: string, bytes?: number) => void;
}

const INTERVAL = 250;

export const progressMeter = (
  { report, form }: Pick<Capture, 'report' | 'form'>,
  images: readonly ResolvedImage[],
  available: Available,
  plan: CapturePlan,
): ProgressMeter => {
  const total = plan.pullBytes + plan.blobBytes + plan.copyBytes;
  const missing = images.map(({ layers }) => {
    const absent = layers.filter((layer) => sourceOf(layer, available, form) !== 'volume');
    const fetched = layers.filter(({ digest }) => !available.blobsOnVolume.has(digest));
    return new Set([
      ...(form.layers ? absent.map(({ chainId }) => chainId) : []),
      ...(form.blobs ? fetched.map(({ digest }) => digest) : []),
    ]);
  });
  let bytes = 0;
  let last = 0;
  const tell = () => {
    const done = missing.filter((parts) => parts.size === 0).length;
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
    partDone: (id, copied = 0) => {
      bytes += copied;
      for (const parts of missing) parts.delete(id);
      tell();
    },
  };
};
