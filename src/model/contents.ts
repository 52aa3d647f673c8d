import type { Layout } from './layout.ts';

/** One image of the platform asked for, under all the names it is kept by. */
export interface CapturedImage {
  names: string[];
  /** what the names point to: an index or a manifest */
  digest: string;
  /** the platform's manifest, equal to `digest` where that is no index */
  manifest: string;
  config: string;
  /** base first; empty for an image without layers */
  layers: CapturedLayer[];
  /** the node's pause image, which every pod needs */
  sandbox: boolean;
  /** kube-system ran it when it was captured: nodes need it before others */
  system: boolean;
  /** the blobs of its layers are on the volume */
  blobs: boolean;
}

export interface CapturedLayer {
  chainId: string;
  /** of its blob, which is compressed */
  digest: string;
  /** of its blob */
  bytes: number;
  source: LayerSource;
}

/** Where a layer came from: already on the volume, unpacked on the node, a blob on the node, or a registry. */
export type LayerSource = 'volume' | 'node' | 'blob' | 'registry';

/** What a finished volume holds. */
export interface Contents {
  /** names what is inside: equal for equal layers and names */
  set: string;
  /** of the tool that wrote the volume */
  version: string;
  /** RFC 3339 */
  created: string;
  /** `linux/amd64` */
  platform: string;
  layout: Layout;
  /** UUID of the volume's filesystem, null where it could not be read */
  uuid: string | null;
  images: CapturedImage[];
  /** covers the whole volume: of its list of checksums, which it cannot have itself */
  checksum?: string;
}

/** An image that was found, but could not be captured. */
export interface SkippedImage {
  name: string;
  reason: string;
}

/** What the cluster remembers of a preload after its volume is gone. */
export interface PreloadRecord extends Contents {
  node: string;
  layers: number;
  /** bytes the volume's filesystem has in use */
  usedBytes: number;
  skipped: SkippedImage[];
}

/** Compressed bytes of `images`, layers they share counted once. */
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
