import { progressThrottle } from '../model/events.ts';
import type { ResolvedImage } from '../model/image.ts';
import { type CapturePlan, sourceIn } from '../model/plan.ts';
import type { Capture } from './context.ts';

/** Reports the progress of the capture, at most four times a second. */
export interface ProgressMeter {
  /** counts bytes of a blob */
  bytesDone: (count: number) => void;
  /** marks a layer or blob, by chain ID or digest, as complete; counts its copied `bytes` */
  partDone: (id: string, bytes?: number) => void;
}

export const progressMeter = (
  { report, form }: Pick<Capture, 'report' | 'form'>,
  images: readonly ResolvedImage[],
  plan: CapturePlan,
): ProgressMeter => {
  const { pullBytes, blobBytes, copyBytes } = plan.summary;
  const total = pullBytes + blobBytes + copyBytes;
  const missing = images.map(({ layers }) => {
    const absent = layers.filter(({ chainId }) => sourceIn(plan, chainId) !== 'volume');
    const fetched = layers.filter(({ digest }) => plan.blobs.has(digest));
    return new Set([
      ...(form.layers ? absent.map(({ chainId }) => chainId) : []),
      ...(form.blobs ? fetched.map(({ digest }) => digest) : []),
    ]);
  });
  let bytes = 0;
  const isTime = progressThrottle();
  const update = () => {
    const done = missing.filter((parts) => parts.size === 0).length;
    if (!isTime(Date.now()) && done < images.length) return;
    report({
      type: 'progress',
      images: { done, total: images.length },
      bytes: { done: Math.min(bytes, total), total },
    });
  };
  return {
    bytesDone: (count) => {
      bytes += count;
      update();
    },
    partDone: (id, copied = 0) => {
      bytes += copied;
      for (const parts of missing) parts.delete(id);
      update();
    },
  };
};
