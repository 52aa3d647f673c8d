import * as v from 'valibot';
import { CAPTURED_IMAGE, type CapturedImage, MAX_IMAGES, PLATFORM_NAME } from './image.ts';
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
  platform: PLATFORM_NAME,
  layout: v.picklist(LAYOUTS, `must be one of ${LAYOUTS.join(' | ')}`),
  /** UUID of the volume's filesystem, null if it could not be read */
  uuid: v.nullable(LINE),
  images: v.pipe(list(CAPTURED_IMAGE, MAX_IMAGES), v.minLength(1, 'must have an image')),
  /** of the list of checksums, so it covers the whole volume; not stored on the volume itself */
  checksum: v.exactOptional(DIGEST),
  /** of preload.json; restore.sh --expect takes it; not stored on the volume itself */
  contentsDigest: v.exactOptional(DIGEST),
});

export type Contents = v.InferOutput<typeof CONTENTS>;

/** preload.json as it is on a volume. */
export const VOLUME_CONTENTS = object({
  format: v.literal(FORMAT, `this version supports format ${FORMAT}`),
  snapshotter: v.literal(SNAPSHOTTER, `this version supports ${SNAPSHOTTER}`),
  ...CONTENTS.entries,
  /** by path on the volume */
  checksums: v.record(LINE, DIGEST),
  /** version of the containerd that made the seed, if there is one */
  seedContainerd: v.exactOptional(LINE),
  /** of that containerd's metadata */
  seedSchema: v.exactOptional(SIZE),
});

export type VolumeContents = v.InferOutput<typeof VOLUME_CONTENTS>;

/** An image in use or in the cache that could not be captured. */
export const SKIPPED_IMAGE = object({ name: LINE, reason: v.string() });

export type SkippedImage = v.InferOutput<typeof SKIPPED_IMAGE>;

/** Compressed bytes of `images`; counts shared layers once. */
export const distinctBytes = (images: readonly Pick<CapturedImage, 'layers'>[]): number => {
  const sizes = new Map(images.flatMap(({ layers }) => layers.map(({ digest, bytes }) => [digest, bytes])));
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
};

/** Chain IDs of layers that stand on another layer. */
export const deeperLayers = (images: readonly { layers: readonly { chainId: string }[] }[]): Set<string> =>
  new Set(images.flatMap(({ layers }) => layers.slice(1).map(({ chainId }) => chainId)));

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
