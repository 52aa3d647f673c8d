import type { Form } from './layout.ts';

const GIBIBYTE = 1024 ** 3;

const UNPACKED_FACTOR = 2; // layers unpack to about three times their size, but images share many
const SMALLEST = 2 * GIBIBYTE;

/**
 * A first volume size, as a Kubernetes quantity, for images of which `known` gives compressed sizes in bytes, as far as
 * nodes report them; not below `least` bytes. Images of unknown size do not count: the loader finds out what all of them
 * need, and gets a larger volume if this one is too small. A volume that is too large could never be made smaller, and
 * every new node's disk would be as large.
 */
export const estimateVolumeSize = (known: readonly number[], { layers, blobs, archives }: Form, least = 0): string => {
  const compressed = known.reduce((sum, size) => sum + size, 0);
  const factor = (layers ? UNPACKED_FACTOR : 0) + (blobs ? 1 : 0) + (archives ? 1 : 0);
  return `${Math.ceil(Math.max(SMALLEST, least, compressed * factor) / GIBIBYTE)}Gi`;
};
