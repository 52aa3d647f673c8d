/** The snapshotter whose form unpacked layers have. */
export const SNAPSHOTTER = 'overlayfs';

/** In what form a volume holds layers: unpacked, for links, as blobs, for imports and registries, or both. */
export const LAYOUTS = ['layers', 'layers,blobs', 'blobs'] as const;

export type Layout = (typeof LAYOUTS)[number];

export const hasLayers = (layout: Layout): boolean => layout !== 'blobs';
export const hasBlobs = (layout: Layout): boolean => layout !== 'layers';

/** What of every layer is to be on the volume, for good or to make the rest from. */
export interface Form {
  layers: boolean;
  blobs: boolean;
  /** each image in an archive of its own */
  archives: boolean;
}

export const formOf = ({ layout, oneTarPerImage }: { layout: Layout; oneTarPerImage: boolean }): Form => ({
  layers: hasLayers(layout),
  blobs: hasBlobs(layout) || oneTarPerImage,
  archives: oneTarPerImage,
});
