const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

// Compressed layers and what they unpack to are on the volume at once; images unpack to about three times their size.
const UNPACKED_FACTOR = 4;
const UNKNOWN_IMAGE = 256 * MEBIBYTE;
const SMALLEST = 2 * GIBIBYTE;

/**
 * A volume size, as a Kubernetes quantity, for `count` images of which `known` gives some compressed sizes in bytes; not
 * below `least` bytes.
 */
export const estimateVolumeSize = (count: number, known: readonly number[], least = 0): string => {
  const compressed = known.reduce((sum, size) => sum + size, 0) + (count - known.length) * UNKNOWN_IMAGE;
  return `${Math.ceil(Math.max(SMALLEST, least, compressed * UNPACKED_FACTOR) / GIBIBYTE)}Gi`;
};
