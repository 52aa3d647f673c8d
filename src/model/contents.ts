import type { CapturedImage } from './image.ts';
import type { Layout } from './layout.ts';

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
