import type { CapturedLayer, LayerSource } from './contents.ts';

/** What there is of layers before the capture. */
export interface Available {
  /** chain IDs that are on the volume, from an earlier run or an older snapshot */
  onVolume: ReadonlySet<string>;
  /** bytes by chain ID of layers the node has unpacked */
  unpacked: ReadonlyMap<string, number>;
  /** digests of blobs the node has */
  blobs: ReadonlySet<string>;
}

export interface CapturePlan {
  images: number;
  /** distinct ones, by where they come from */
  layers: Record<LayerSource, number>;
  /** compressed, exact */
  pullBytes: number;
  /** compressed, of blobs the node has */
  blobBytes: number;
  /** unpacked, of layers the node has unpacked */
  copyBytes: number;
  /** estimated need on the volume */
  neededBytes: number;
}

type Layer = Omit<CapturedLayer, 'source'>;

const UNPACKED_FACTOR = 3; // what compressed layers usually unpack to
const LINKED_LAYER = 64 * 1024; // a node says so little of a layer that is a link to a volume
const RESERVE = 64 * 1024 ** 2;
const OVERHEAD = 1.1; // inodes, directories and rounding

export const sourceOf = ({ chainId, digest }: Layer, { onVolume, unpacked, blobs }: Available): LayerSource => {
  if (onVolume.has(chainId)) return 'volume';
  if (unpacked.has(chainId)) return 'node';
  return blobs.has(digest) ? 'blob' : 'registry';
};

/** Bytes a layer takes unpacked: what the node says, else a guess. */
export const unpackedBytes = ({ chainId, bytes }: Layer, { unpacked }: Available): number => {
  const known = unpacked.get(chainId) ?? 0;
  return known > LINKED_LAYER ? known : bytes * UNPACKED_FACTOR;
};

/** Decides for every distinct layer of `images` where to take it from, and what all of them need. */
export const planCapture = (images: readonly { layers: readonly Layer[] }[], available: Available): CapturePlan => {
  const plan: CapturePlan = {
    images: images.length,
    layers: { volume: 0, node: 0, blob: 0, registry: 0 },
    pullBytes: 0,
    blobBytes: 0,
    copyBytes: 0,
    neededBytes: RESERVE,
  };
  const distinct = new Map(images.flatMap(({ layers }) => layers.map((layer) => [layer.chainId, layer])));
  for (const layer of distinct.values()) {
    const source = sourceOf(layer, available);
    plan.layers[source] += 1;
    if (source === 'volume') continue;
    const unpacked = unpackedBytes(layer, available);
    if (source === 'blob') plan.blobBytes += layer.bytes;
    if (source === 'registry') plan.pullBytes += layer.bytes;
    if (source === 'node') plan.copyBytes += unpacked;
    const held = source === 'node' ? 0 : layer.bytes; // a blob stays until its layer is unpacked
    plan.neededBytes += Math.ceil((unpacked + held) * OVERHEAD);
  }
  return plan;
};
