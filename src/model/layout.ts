/** The snapshotter that can use the unpacked layers. */
export const SNAPSHOTTER = 'overlayfs';

/** Forms of the layers on a volume: unpacked for linking, blobs for imports and registries, or both. */
export const LAYOUTS = ['layers', 'layers,blobs', 'blobs'] as const;

export type Layout = (typeof LAYOUTS)[number];

export const hasLayers = (layout: Layout): boolean => layout !== 'blobs';
export const hasBlobs = (layout: Layout): boolean => layout !== 'layers';

/** Which forms of each layer to write; blobs may be temporary. */
export interface Form {
  layers: boolean;
  blobs: boolean;
  /** one archive per image */
  archives: boolean;
}

export const formOf = ({ layout, oneTarPerImage }: { layout: Layout; oneTarPerImage: boolean }): Form => ({
  layers: hasLayers(layout),
  blobs: hasBlobs(layout) || oneTarPerImage,
  archives: oneTarPerImage,
});
