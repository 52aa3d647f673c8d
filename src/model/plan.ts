import type { CapturedLayer, LayerSource } from './contents.ts';
import type { Form } from './layout.ts';

/** What there is of layers before the capture. */
export interface Available {
  /** chain IDs that are on the volume, from an earlier run or an older snapshot */
  onVolume: ReadonlySet<string>;
  /** bytes by chain ID of layers the node has unpacked */
  unpacked: ReadonlyMap<string, number>;
  /** digests of layer blobs the node has */
  blobs: ReadonlySet<string>;
  /** digests of layer blobs that are on the volume */
  blobsOnVolume: ReadonlySet<string>;
}

/** What a capture will do, in numbers. */
export interface PlanSummary {
  images: number;
  /** compressed, exact */
  pullBytes: number;
  /** compressed, of blobs the node has */
  blobBytes: number;
  /** unpacked, of layers the node has unpacked */
  copyBytes: number;
  /** estimated need on the volume */
  neededBytes: number;
}

/** The one decision about every layer; everything that handles layers reads it. */
export interface CapturePlan extends PlanSummary {
  /** by chain ID */
  layers: ReadonlyMap<string, PlannedLayer>;
  /** digests of the blobs to fetch or copy */
  blobs: ReadonlySet<string>;
}

export interface PlannedLayer {
  /** of its blob, if the volume will hold only blobs */
  source: LayerSource;
  /** bytes that it takes unpacked, as the node reports or as a guess */
  unpacked: number;
}

/** Where a planned layer comes from. Throws if it is not in the plan. */
export const sourceIn = ({ layers }: CapturePlan, chainId: string): LayerSource => {
  const layer = layers.get(chainId);
  if (!layer) throw new Error(`layer ${chainId} is not in the plan`);
  return layer.source;
};

type Layer = Omit<CapturedLayer, 'source'>;

const UNPACKED_FACTOR = 3; // what compressed layers usually unpack to
const LINKED_LAYER = 64 * 1024; // a node says so little of a layer that is a link to a volume
const RESERVE = 64 * 1024 ** 2;
const OVERHEAD = 1.1; // inodes, directories and rounding

const sourceOf = ({ chainId, digest }: Layer, available: Available, { layers }: Form): LayerSource => {
  const { onVolume, unpacked, blobs, blobsOnVolume } = available;
  if (layers ? onVolume.has(chainId) : blobsOnVolume.has(digest)) return 'volume';
  if (layers && unpacked.has(chainId)) return 'node';
  return blobs.has(digest) || blobsOnVolume.has(digest) ? 'blob' : 'registry';
};

const unpackedBytes = ({ chainId, bytes }: Layer, { unpacked }: Available): number => {
  const known = unpacked.get(chainId) ?? 0;
  return known > LINKED_LAYER ? known : bytes * UNPACKED_FACTOR;
};

/** Decides for every distinct layer of `images` where to take it from, and what all of them need. */
export const planCapture = (
  images: readonly { layers: readonly Layer[] }[],
  available: Available,
  form: Form,
): CapturePlan => {
  const plan = { images: images.length, pullBytes: 0, blobBytes: 0, copyBytes: 0, neededBytes: RESERVE };
  const layers = new Map<string, PlannedLayer>();
  const blobs = new Set<string>();
  const need = (bytes: number) => {
    plan.neededBytes += Math.ceil(bytes * OVERHEAD);
  };
  const all = images.flatMap(({ layers }) => layers);
  const fetched = new Map<string, number>();
  for (const layer of new Map(all.map((each) => [each.chainId, each])).values()) {
    const source = sourceOf(layer, available, form);
    const unpacked = unpackedBytes(layer, available);
    layers.set(layer.chainId, { source, unpacked });
    const fromBlob = source === 'blob' || source === 'registry';
    if (form.blobs || fromBlob) fetched.set(layer.digest, layer.bytes);
    if (!form.layers || source === 'volume') continue;
    if (source === 'node') plan.copyBytes += unpacked;
    need(unpacked);
  }
  for (const [digest, bytes] of fetched) {
    if (available.blobsOnVolume.has(digest)) continue;
    blobs.add(digest);
    if (available.blobs.has(digest)) plan.blobBytes += bytes;
    else plan.pullBytes += bytes;
    need(bytes); // stays at least until its layer is unpacked
  }
  if (form.archives) need(all.reduce((sum, { bytes }) => sum + bytes, 0));
  return { ...plan, layers, blobs };
};

const GIBIBYTE = 1024 ** 3;

const UNSHARED_FACTOR = 2; // layers unpack to about three times their size, but images share many
const SMALLEST = 2 * GIBIBYTE;

/**
 * A first volume size, as a Kubernetes quantity, for images of which `known` gives compressed sizes in bytes, as far as
 * nodes report them; not below `least` bytes. Images of unknown size do not count: the loader finds out what all of them
 * need, and gets a larger volume if this one is too small. A volume that is too large could never be made smaller, and
 * every new node's disk would be as large.
 */
export const estimateVolumeSize = (known: readonly number[], { layers, blobs, archives }: Form, least = 0): string => {
  const compressed = known.reduce((sum, size) => sum + size, 0);
  const factor = (layers ? UNSHARED_FACTOR : 0) + (blobs ? 1 : 0) + (archives ? 1 : 0);
  return `${Math.ceil(Math.max(SMALLEST, least, compressed * factor) / GIBIBYTE)}Gi`;
};
