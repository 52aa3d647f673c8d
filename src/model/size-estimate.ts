import type { Form } from './layout.ts';

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

const UNPACKED_FACTOR = 3; // images unpack to about three times their size
const UNKNOWN_IMAGE = 256 * MEBIBYTE;
const SMALLEST = 2 * GIBIBYTE;

/**
 * A volume size, as a Kubernetes quantity, for `count` images of which `known` gives some compressed sizes in bytes; not
 * below `least` bytes. Compressed layers are on the volume in any case, at least while what they unpack to is made.
 */
export const estimateVolumeSize = (
  count: number,
  known: readonly number[],
  { layers, archives }: Form,
  least = 0,
): string => {
  const compressed = known.reduce((sum, size) => sum + size, 0) + (count - known.length) * UNKNOWN_IMAGE;
  const factor = 1 + (layers ? UNPACKED_FACTOR : 0) + (archives ? 1 : 0);
  return `${Math.ceil(Math.max(SMALLEST, least, compressed * factor) / GIBIBYTE)}Gi`;
};
