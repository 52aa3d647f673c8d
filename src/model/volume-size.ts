import type { Form } from './layout.ts';
import { type PlanSummary, RESERVE } from './plan.ts';
import { roundUpToGibibytes } from './units.ts';

const GIBIBYTE = 1024 ** 3;
const MEBIBYTE = 1024 ** 2;

const ESTIMATE_FACTOR = 2; // layers unpack to about three times their size, but images share many
const SMALLEST_ESTIMATE = 2 * GIBIBYTE;

/**
 * First estimate of the volume size, as a Kubernetes quantity of at least `least` bytes. `known` are the compressed bytes
 * of the images whose size nodes report. Ignores images of unknown size: a plan pod or the loader computes the exact need.
 * Estimates low: a volume cannot shrink, and every new node gets a disk of this size.
 */
export const estimateVolumeSize = (known: readonly number[], { layers, blobs, archives }: Form, least = 0): string => {
  const compressed = known.reduce((sum, size) => sum + size, 0);
  const factor = (layers ? ESTIMATE_FACTOR : 0) + (blobs ? 1 : 0) + (archives ? 1 : 0);
  return roundUpToGibibytes(Math.max(SMALLEST_ESTIMATE, least, compressed * factor));
};

const FILESYSTEM_SHARE = 1.05; // for its own tables, such as those of inodes
const FILESYSTEM_BYTES = 64 * MEBIBYTE; // for its journal
const BYTES_PER_INODE = 16 * 1024; // mkfs.ext4 makes one for each of these
const STEP = 64 * MEBIBYTE;
export const SMALLEST = GIBIBYTE;

const UNPACKED_FACTOR = 4; // high rather than low: layers unpack to about three times their size, beside their blobs

/** Whether the smallest volume is certainly large enough for images of which these are the compressed bytes. */
export const fitsSmallest = (compressed: readonly number[], { layers, archives }: Form): boolean => {
  const sum = compressed.reduce((total, size) => total + size, 0);
  const factor = (layers ? UNPACKED_FACTOR : 1) + (archives ? 1 : 0);
  return plannedBytes({ neededBytes: sum * factor + RESERVE, neededInodes: 0 }) <= SMALLEST;
};

/** Bytes of a volume that is large enough for a plan. It may start as one of `size` bytes, of which some are used. */
export const plannedBytes = (
  { neededBytes, neededInodes }: Pick<PlanSummary, 'neededBytes' | 'neededInodes'>,
  { size, used } = { size: 0, used: 0 },
): number => {
  const forBytes = (used + neededBytes) * FILESYSTEM_SHARE + FILESYSTEM_BYTES;
  const forInodes = neededInodes * BYTES_PER_INODE * FILESYSTEM_SHARE;
  return Math.max(SMALLEST, size, Math.ceil(Math.max(forBytes, forInodes) / STEP) * STEP);
};
