import type { Layout } from './layout.ts';

/** One image for the requested platform, with all its names. */
export interface CapturedImage {
  names: string[];
  /** of the index or manifest that the names point to */
  digest: string;
  /** of the platform's manifest; equal to `digest` if that is not an index */
  manifest: string;
  config: string;
  /** base first; empty for an image without layers */
  layers: CapturedLayer[];
  /** the node's pause image, which every pod needs */
  sandbox: boolean;
  /** kube-system used it at the time of the capture, so nodes need it before others */
  system: boolean;
  /** whether the blobs of its layers are on the volume */
  blobs: boolean;
}

export interface CapturedLayer {
  chainId: string;
  /** of its compressed blob */
  digest: string;
  /** of its compressed blob */
  bytes: number;
  source: LayerSource;
}

/** Where a layer came from: the volume itself, an unpacked layer or a blob on the node, or a registry. */
export type LayerSource = 'volume' | 'node' | 'blob' | 'registry';

/** Contents of a finished volume. */
export interface Contents {
  /** ID of the contents: the same for the same layers and names */
  set: string;
  /** of the tool that wrote the volume */
  version: string;
  /** RFC 3339 */
  created: string;
  /** `linux/amd64` */
  platform: string;
  layout: Layout;
  /** UUID of the volume's filesystem, null if it could not be read */
  uuid: string | null;
  images: CapturedImage[];
  /** of the list of checksums, so it covers the whole volume; not stored on the volume itself */
  checksum?: string;
}

/** An image in use or in the cache that could not be captured. */
export interface SkippedImage {
  name: string;
  reason: string;
}

/** The data about a preload that stays in the cluster after its volume is deleted. */
export interface PreloadRecord extends Contents {
  node: string;
  layers: number;
  /** used bytes of the volume's filesystem */
  usedBytes: number;
  skipped: SkippedImage[];
}

/** Compressed bytes of `images`; counts shared layers once. */
export const distinctBytes = (images: readonly Pick<CapturedImage, 'layers'>[]): number => {
  const sizes = new Map(images.flatMap(({ layers }) => layers.map(({ digest, bytes }) => [digest, bytes])));
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
};

/** Distinct layers of `images`, parents before children. */
export const distinctLayers = (
  images: readonly CapturedImage[],
): { chainId: string; parent: string | undefined; depth: number; sandbox: boolean }[] => {
  const sandboxLayers = new Set(
    images
      .filter((image) => image.sandbox)
      .flatMap((image) => image.layers)
      .map(({ chainId }) => chainId),
  );
  const layers = new Map(
    images.flatMap((image) =>
      image.layers.map(({ chainId }, index) => [
        chainId,
        { chainId, parent: image.layers[index - 1]?.chainId, depth: index + 1, sandbox: sandboxLayers.has(chainId) },
      ]),
    ),
  );
  return [...layers.values()].sort((a, b) => a.depth - b.depth || (a.chainId < b.chainId ? -1 : 1));
};
