import * as v from 'valibot';
import { CAPTURED_IMAGE, type CapturedImage, MAX_IMAGES } from './image.ts';
import { LAYOUTS, SNAPSHOTTER } from './layout.ts';
import { DIGEST, LINE, list, object, SIZE } from './parse.ts';

export const FORMAT = 1;

/** Contents of a finished volume. */
export const CONTENTS = object({
  /** ID of the contents: the same for the same layers and names */
  set: v.pipe(LINE, v.regex(/^[0-9a-f]{12}$/, 'must be 12 hex digits')),
  /** of the tool that wrote the volume */
  version: LINE,
  /** RFC 3339 */
  created: v.pipe(LINE, v.isoTimestamp('must be a time')),
  /** `linux/amd64` */
  platform: v.pipe(LINE, v.regex(/^linux\/\w+(\/\w+)?$/, 'must be linux/ARCHITECTURE')),
  layout: v.picklist(LAYOUTS, `must be one of ${LAYOUTS.join(' | ')}`),
  /** UUID of the volume's filesystem, null if it could not be read */
  uuid: v.nullable(LINE),
  images: v.pipe(list(CAPTURED_IMAGE, MAX_IMAGES), v.minLength(1, 'must have an image')),
  /** of the list of checksums, so it covers the whole volume; not stored on the volume itself */
  checksum: v.exactOptional(DIGEST),
});

export type Contents = v.InferOutput<typeof CONTENTS>;

/** preload.json as it is on a volume. */
export const VOLUME_CONTENTS = object({
  format: v.literal(FORMAT, `this version supports format ${FORMAT}`),
  snapshotter: v.literal(SNAPSHOTTER, `this version supports ${SNAPSHOTTER}`),
  ...CONTENTS.entries,
  /** by path on the volume */
  checksums: v.record(LINE, DIGEST),
});

export type VolumeContents = v.InferOutput<typeof VOLUME_CONTENTS>;

/** An image in use or in the cache that could not be captured. */
const SKIPPED_IMAGE = object({ name: LINE, reason: v.string() });

export type SkippedImage = v.InferOutput<typeof SKIPPED_IMAGE>;

/** The data about a preload that stays in the cluster after its volume is deleted. */
export const PRELOAD_RECORD = object({
  ...CONTENTS.entries,
  node: LINE,
  layers: SIZE,
  /** used bytes of the volume's filesystem */
  usedBytes: SIZE,
  skipped: list(SKIPPED_IMAGE, MAX_IMAGES),
});

export type PreloadRecord = v.InferOutput<typeof PRELOAD_RECORD>;

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
