/** One image of the platform asked for, under all the names it is kept by. */
export interface CapturedImage {
  names: string[];
  /** what the names point to: an index or a manifest */
  digest: string;
  /** the platform's manifest, equal to `digest` where that is no index */
  manifest: string;
  config: string;
  /** chain IDs of its layers, base first; empty for an image without layers */
  chain: string[];
  /** compressed bytes of its layers, as the manifest says */
  bytes: number;
  source: 'registry';
  /** the node's pause image, which every pod needs */
  sandbox: boolean;
}

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
  /** UUID of the volume's filesystem, null where it could not be read */
  uuid: string | null;
  images: CapturedImage[];
}

/** What the cluster remembers of a preload after its volume is gone. */
export interface PreloadRecord extends Contents {
  node: string;
  layers: number;
  /** bytes the volume's filesystem has in use */
  usedBytes: number;
}

/** Distinct layers of `images`, parents before children. */
export const distinctLayers = (
  images: readonly CapturedImage[],
): { chainId: string; parent: string | undefined; depth: number; sandbox: boolean }[] => {
  const sandboxLayers = new Set(images.filter((image) => image.sandbox).flatMap((image) => image.chain));
  const layers = new Map(
    images.flatMap((image) =>
      image.chain.map((chainId, index) => [
        chainId,
        { chainId, parent: image.chain[index - 1], depth: index + 1, sandbox: sandboxLayers.has(chainId) },
      ]),
    ),
  );
  return [...layers.values()].sort((a, b) => a.depth - b.depth || (a.chainId < b.chainId ? -1 : 1));
};
