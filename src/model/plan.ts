import type * as v from 'valibot';
import type { LayerSource, ResolvedLayer } from './image.ts';
import type { Form } from './layout.ts';
import { object, SIZE } from './parse.ts';
import { roundUpToGibibytes } from './units.ts';

/** Layers and blobs available before the capture. */
export interface Available {
  /** chain IDs on the volume, from an earlier run or an older snapshot */
  onVolume: ReadonlySet<string>;
  /** bytes by chain ID of layers unpacked on the node */
  unpacked: ReadonlyMap<string, number>;
  /** digests of layer blobs on the node */
  blobs: ReadonlySet<string>;
  /** digests of layer blobs on the volume */
  blobsOnVolume: ReadonlySet<string>;
}

/** What a capture will do, in numbers. */
export const PLAN_SUMMARY = object({
  images: SIZE,
  /** compressed bytes to pull, exact */
  pullBytes: SIZE,
  /** compressed bytes of blobs on the node */
  blobBytes: SIZE,
  /** unpacked bytes to copy from the node */
  copyBytes: SIZE,
  /** estimated space on the volume */
  neededBytes: SIZE,
});

type PlanSummary = v.InferOutput<typeof PLAN_SUMMARY>;

/** The one decision about every layer; everything that handles layers reads it. */
export interface CapturePlan {
  summary: PlanSummary;
  /** by chain ID */
  layers: ReadonlyMap<string, PlannedLayer>;
  /** digests of the blobs to fetch or copy */
  blobs: ReadonlySet<string>;
}

interface PlannedLayer {
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

const UNPACKED_FACTOR = 3; // usual ratio of unpacked to compressed size
const LINKED_LAYER = 64 * 1024; // nodes report at most this for a layer that links to a volume
const RESERVE = 64 * 1024 ** 2;
const OVERHEAD = 1.1; // inodes, directories and rounding

/** Best source of a layer, or of its blob if the volume has only blobs. */
const sourceOf = ({ chainId, digest }: ResolvedLayer, available: Available, { layers }: Form): LayerSource => {
  const { onVolume, unpacked, blobs, blobsOnVolume } = available;
  if (layers ? onVolume.has(chainId) : blobsOnVolume.has(digest)) return 'volume';
  if (layers && unpacked.has(chainId)) return 'node';
  return blobs.has(digest) || blobsOnVolume.has(digest) ? 'blob' : 'registry';
};

/** Unpacked size of a layer in bytes: as reported by the node, else estimated. */
const unpackedBytes = ({ chainId, size }: ResolvedLayer, { unpacked }: Available): number => {
  const known = unpacked.get(chainId) ?? 0;
  return known > LINKED_LAYER ? known : size * UNPACKED_FACTOR;
};

/** Chooses the source of each distinct layer of `images`, and adds up the bytes. */
export const planCapture = (
  images: readonly { layers: readonly ResolvedLayer[] }[],
  available: Available,
  form: Form,
): CapturePlan => {
  const summary = { images: images.length, pullBytes: 0, blobBytes: 0, copyBytes: 0, neededBytes: RESERVE };
  const layers = new Map<string, PlannedLayer>();
  const blobs = new Set<string>();
  const need = (bytes: number) => {
    summary.neededBytes += Math.ceil(bytes * OVERHEAD);
  };
  const all = images.flatMap(({ layers }) => layers);
  const fetched = new Map<string, number>();
  for (const layer of new Map(all.map((each) => [each.chainId, each])).values()) {
    const source = sourceOf(layer, available, form);
    const unpacked = unpackedBytes(layer, available);
    layers.set(layer.chainId, { source, unpacked });
    const fromBlob = source === 'blob' || source === 'registry';
    if (form.blobs || fromBlob) fetched.set(layer.digest, layer.size);
    if (!form.layers || source === 'volume') continue;
    if (source === 'node') summary.copyBytes += unpacked;
    need(unpacked);
  }
  for (const [digest, bytes] of fetched) {
    if (available.blobsOnVolume.has(digest)) continue;
    blobs.add(digest);
    if (available.blobs.has(digest)) summary.blobBytes += bytes;
    else summary.pullBytes += bytes;
    need(bytes); // kept at least until its layer is unpacked
  }
  if (form.archives) need(all.reduce((sum, { size }) => sum + size, 0));
  return { summary, layers, blobs };
};

const ESTIMATE_FACTOR = 2; // layers unpack to about three times their size, but images share many
const SMALLEST = 2 * 1024 ** 3;

/**
 * First estimate of the volume size, as a Kubernetes quantity of at least `least` bytes. `known` are the compressed bytes
 * of the images whose size nodes report. Ignores images of unknown size: the loader computes the exact need, and gets a
 * larger volume if this one is too small. Estimates low: a volume cannot shrink, and every new node gets a disk of this size.
 */
export const estimateVolumeSize = (known: readonly number[], { layers, blobs, archives }: Form, least = 0): string => {
  const compressed = known.reduce((sum, size) => sum + size, 0);
  const factor = (layers ? ESTIMATE_FACTOR : 0) + (blobs ? 1 : 0) + (archives ? 1 : 0);
  return roundUpToGibibytes(Math.max(SMALLEST, least, compressed * factor));
};
