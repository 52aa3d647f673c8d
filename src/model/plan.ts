import type * as v from 'valibot';
import type { LayerSource } from './image.ts';
import type { Form } from './layout.ts';
import type { Descriptor } from './oci.ts';
import { object, SIZE } from './parse.ts';
import { unpackedSize } from './unpacked-size.ts';

/** Layers and blobs available before the capture. */
export interface Available {
  /** chain IDs on the volume, from an earlier run or an older snapshot */
  onVolume: ReadonlySet<string>;
  /** what layers unpacked on the node take, by chain ID */
  unpacked: ReadonlyMap<string, Usage>;
  /** whether these may be copied; if not, they only tell how large layers are */
  copy: boolean;
  /** digests of layer blobs on the node */
  blobs: ReadonlySet<string>;
  /** what layer blobs claim to unpack to, by digest, as far as known */
  claims: ReadonlyMap<string, number>;
  /** digests of layer blobs on the volume */
  blobsOnVolume: ReadonlySet<string>;
}

/** What files take on a disk. */
export interface Usage {
  bytes: number;
  inodes: number;
}

/** A layer by its chain ID, with the descriptor of its blob. */
type Layer = Descriptor & { chainId: string; mediaType: string };

/** What a capture will do, in numbers. */
export const PLAN_SUMMARY = object({
  images: SIZE,
  /** compressed bytes to pull, exact */
  pullBytes: SIZE,
  /** compressed bytes of blobs on the node */
  blobBytes: SIZE,
  /** unpacked bytes to copy from the node */
  copyBytes: SIZE,
  /** estimated space on the volume, temporary files included */
  neededBytes: SIZE,
  /** estimated files and folders on the volume */
  neededInodes: SIZE,
});

export type PlanSummary = v.InferOutput<typeof PLAN_SUMMARY>;

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

const LINKED_LAYER = 64 * 1024; // nodes report at most this for a layer that links to a volume
export const RESERVE = 64 * 1024 ** 2;
const RESERVED_INODES = 1024; // for the documents, and the folder of each blob and layer
const OVERHEAD = 1.1; // inodes, directories and rounding
const BYTES_PER_FILE = 10 * 1024; // on average, in layers whose files nobody has counted

/** Best source of a layer, or of its blob if the volume has only blobs. */
const sourceOf = ({ chainId, digest }: Layer, available: Available, { layers }: Form): LayerSource => {
  const { onVolume, unpacked, copy, blobs, blobsOnVolume } = available;
  if (layers ? onVolume.has(chainId) : blobsOnVolume.has(digest)) return 'volume';
  if (layers && copy && unpacked.has(chainId)) return 'node';
  return blobs.has(digest) || blobsOnVolume.has(digest) ? 'blob' : 'registry';
};

/** What the node says that it takes, unless that is only a link. */
const usageOnNode = (chainId: string, { unpacked }: Pick<Available, 'unpacked'>): Usage | undefined => {
  const known = unpacked.get(chainId);
  return known && known.bytes > LINKED_LAYER ? known : undefined;
};

/** Whether the unpacked size of a layer can only be guessed from its blob. */
export const isGuessed = (chainId: string, { onVolume, ...available }: Pick<Available, 'onVolume' | 'unpacked'>) =>
  !onVolume.has(chainId) && !usageOnNode(chainId, available);

/** What a layer takes unpacked: as reported by the node, else estimated. */
const unpackedUsage = (layer: Layer, available: Available): Usage => {
  const known = usageOnNode(layer.chainId, available);
  if (known) return known;
  const bytes = unpackedSize(layer, available.claims.get(layer.digest));
  return { bytes, inodes: Math.ceil(bytes / BYTES_PER_FILE) };
};

/** Chooses the source of each distinct layer of `images`, and adds up the bytes. */
export const planCapture = (
  images: readonly { layers: readonly Layer[] }[],
  available: Available,
  form: Form,
): CapturePlan => {
  const summary: PlanSummary = {
    images: images.length,
    pullBytes: 0,
    blobBytes: 0,
    copyBytes: 0,
    neededBytes: RESERVE,
    neededInodes: RESERVED_INODES,
  };
  const layers = new Map<string, PlannedLayer>();
  const blobs = new Set<string>();
  const need = (bytes: number, inodes = 1) => {
    summary.neededBytes += Math.ceil(bytes * OVERHEAD);
    summary.neededInodes += inodes;
  };
  const all = images.flatMap(({ layers }) => layers);
  const fetched = new Map<string, number>();
  for (const layer of new Map(all.map((each) => [each.chainId, each])).values()) {
    const source = sourceOf(layer, available, form);
    const { bytes, inodes } = unpackedUsage(layer, available);
    layers.set(layer.chainId, { source, unpacked: bytes });
    const fromBlob = source === 'blob' || source === 'registry';
    if (form.blobs || fromBlob) fetched.set(layer.digest, layer.size);
    if (!form.layers || source === 'volume') continue;
    if (source === 'node') summary.copyBytes += bytes;
    need(bytes, inodes);
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
