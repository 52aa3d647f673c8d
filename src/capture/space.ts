import { statfs } from 'node:fs/promises';
import { PreloadError } from '../model/errors.ts';
import { largestFirst } from '../model/growth.ts';
import type { ResolvedImage } from '../model/image.ts';
import { imageName } from '../model/image-reference.ts';
import type { PlanSummary, Usage } from '../model/plan.ts';
import { formatBytes, roundUpToGibibytes } from '../model/units.ts';
import { plannedBytes } from '../model/volume-size.ts';
import type { Capture } from './context.ts';

/** What the volume's filesystem has, and how much of it can be used. */
interface Space {
  total: Usage;
  free: Usage;
}

/** `reclaimable` will be freed first. */
export const spaceOn = async (volume: string, reclaimable: Usage): Promise<Space> => {
  const { blocks, bavail, bsize, files, ffree } = await statfs(volume);
  const isCounted = files > 0; // some filesystems make inodes as they need them
  return {
    total: { bytes: blocks * bsize, inodes: isCounted ? files : Number.POSITIVE_INFINITY },
    free: {
      bytes: bavail * bsize + reclaimable.bytes,
      inodes: isCounted ? ffree + reclaimable.inodes : Number.POSITIVE_INFINITY,
    },
  };
};

/** Reports, and throws PreloadError, if the images do not fit. `needs` are bytes by image. */
export const checkSpace = (
  { report, remedies }: Capture,
  { total, free }: Space,
  { neededBytes, neededInodes }: PlanSummary,
  needs: ReadonlyMap<ResolvedImage, number>,
): void => {
  if (neededBytes <= free.bytes && neededInodes <= free.inodes) return;
  const usedInodes = Number.isFinite(total.inodes) ? total.inodes - free.inodes : 0;
  const size = plannedBytes({
    neededBytes: total.bytes - free.bytes + neededBytes,
    neededInodes: usedInodes + neededInodes,
  });
  const largest = largestFirst(needs).map(([{ wanted }, bytes]) => {
    const [first] = wanted;
    return `${first ? imageName(first.name) : ''} (${formatBytes(bytes)})`;
  });
  report({ type: 'too-small', size, largest });
  throw new PreloadError(
    `the volume is too small for these images; the largest are ${largest.join(', ')}`,
    remedies.largerVolume(roundUpToGibibytes(size)),
  );
};
