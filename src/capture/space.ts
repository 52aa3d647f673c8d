import { statfs } from 'node:fs/promises';
import { PreloadError } from '../model/errors.ts';
import { largestFirst } from '../model/growth.ts';
import type { ResolvedImage } from '../model/image.ts';
import { imageName } from '../model/image-reference.ts';
import { formatBytes, roundUpToGibibytes } from '../model/units.ts';
import type { Capture } from './context.ts';

/** Bytes of the volume's filesystem, and how many of them can be used. */
interface Space {
  total: number;
  free: number;
}

/** `reclaimable` bytes will be freed first. */
export const spaceOn = async (volume: string, reclaimable: number): Promise<Space> => {
  const { blocks, bavail, bsize } = await statfs(volume);
  return { total: blocks * bsize, free: bavail * bsize + reclaimable };
};

const FILESYSTEM_OVERHEAD = 1.05; // space that a new filesystem reserves

/** Reports, and throws PreloadError, if the images do not fit. `needs` are bytes by image. */
export const checkSpace = (
  { report, remedies }: Capture,
  { total, free }: Space,
  neededBytes: number,
  needs: ReadonlyMap<ResolvedImage, number>,
): void => {
  if (neededBytes <= free) return;
  const size = Math.ceil((total - free + neededBytes) * FILESYSTEM_OVERHEAD);
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
