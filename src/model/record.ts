import * as v from 'valibot';
import { CONTENTS, distinctBytes, SKIPPED_IMAGE } from './contents.ts';
import { CAPTURED_IMAGE, CAPTURED_LAYER, type CapturedImage, MAX_IMAGES } from './image.ts';
import { DIGEST, FLAG, LINE, list, object, SIZE } from './parse.ts';

const { names, digest, layers, blobs } = CAPTURED_IMAGE.entries;
const { chainId, source } = CAPTURED_LAYER.entries;

/** An image in a record. */
const RECORDED_IMAGE = object({
  ...{ names, digest },
  /** compressed bytes of its layers */
  size: SIZE,
  /** the node's pause image, which no workload uses */
  sandbox: v.exactOptional(FLAG),
});

export type RecordedImage = v.InferOutput<typeof RECORDED_IMAGE>;

/** Version 0.1 listed its layers instead of their size. */
const OLD_IMAGE = object({
  ...RECORDED_IMAGE.entries,
  size: v.exactOptional(SIZE),
  layers: v.exactOptional(layers),
  blobs: v.exactOptional(blobs),
});

/** A layer on the volume; with the digest of its blob if the volume has that too. */
const RECORDED_LAYER = object({ chainId, source, blob: v.exactOptional(DIGEST) });

type RecordedLayer = v.InferOutput<typeof RECORDED_LAYER>;

const MAX_LAYERS = 1_000_000; // distinct

/** The lists in a record, as the loader reports them once preload.json is written. */
export const RECORDED_LISTS = object({
  images: list(RECORDED_IMAGE, MAX_IMAGES),
  distinctLayers: list(RECORDED_LAYER, MAX_LAYERS),
  skipped: list(SKIPPED_IMAGE, MAX_IMAGES),
});

/** The data about a preload that stays in the cluster after its volume is deleted. */
export const PRELOAD_RECORD = v.pipe(
  object({
    ...CONTENTS.entries,
    images: v.pipe(list(OLD_IMAGE, MAX_IMAGES), v.minLength(1, 'must have an image')),
    /** each distinct one; undefined if the record has no room for them */
    distinctLayers: v.exactOptional(list(RECORDED_LAYER, MAX_LAYERS)),
    node: LINE,
    layers: SIZE,
    /** used bytes of the volume's filesystem */
    usedBytes: SIZE,
    skipped: list(SKIPPED_IMAGE, MAX_IMAGES),
    /** prefixes of names that were left out on purpose */
    exclude: v.exactOptional(list(LINE, MAX_IMAGES)),
    /** the volume has more images: reports of the loader were lost, or a record cannot hold so many */
    incomplete: v.exactOptional(FLAG),
  }),
  v.transform(({ images, ...record }) => {
    const old = images.flatMap(({ layers = [], blobs = false }) => ({ layers, blobs }));
    return {
      ...record,
      images: images.map(({ layers = [], blobs, size = distinctBytes([{ layers }]), ...image }) => ({
        ...image,
        size,
      })),
      ...(images.some(({ layers }) => layers) && { distinctLayers: recordedLayers(old) }),
    };
  }),
);

export type PreloadRecord = v.InferOutput<typeof PRELOAD_RECORD>;

const recordedLayers = (images: readonly Pick<CapturedImage, 'layers' | 'blobs'>[]): RecordedLayer[] => {
  const known = new Map<string, RecordedLayer>();
  for (const { layers, blobs } of images) {
    for (const { chainId, source, digest } of layers) {
      const blob = blobs ? digest : known.get(chainId)?.blob;
      known.set(chainId, { chainId, source, ...(blob && { blob }) });
    }
  }
  return [...known.values()];
};

/** What a record says of `images`. */
export const recordImages = (
  images: readonly CapturedImage[],
): Pick<Required<PreloadRecord>, 'images' | 'distinctLayers'> => ({
  images: images.map((image) => ({
    ...{ names: image.names, digest: image.digest, size: distinctBytes([image]) },
    ...(image.sandbox && { sandbox: true }),
  })),
  distinctLayers: recordedLayers(images),
});
