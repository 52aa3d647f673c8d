import * as v from 'valibot';
import { CONTENTS, distinctBytes, SKIPPED_IMAGE } from './contents.ts';
import { CAPTURED_IMAGE, type CapturedImage, MAX_IMAGES } from './image.ts';
import { FLAG, LINE, list, object, SIZE } from './parse.ts';

const { names, digest, layers } = CAPTURED_IMAGE.entries;

/** An image in a record. Version 0.1 listed its layers instead of their size. */
const RECORDED_IMAGE = v.pipe(
  object({ names, digest, size: v.exactOptional(SIZE), layers: v.exactOptional(layers) }),
  v.transform(({ names, digest, size, layers = [] }) => ({ names, digest, size: size ?? distinctBytes([{ layers }]) })),
);

type RecordedImage = v.InferOutput<typeof RECORDED_IMAGE>;

/** The data about a preload that stays in the cluster after its volume is deleted. */
export const PRELOAD_RECORD = object({
  ...CONTENTS.entries,
  images: v.pipe(list(RECORDED_IMAGE, MAX_IMAGES), v.minLength(1, 'must have an image')),
  node: LINE,
  layers: SIZE,
  /** used bytes of the volume's filesystem */
  usedBytes: SIZE,
  skipped: list(SKIPPED_IMAGE, MAX_IMAGES),
  /** the volume has more images: reports of the loader were lost, or a record cannot hold so many */
  incomplete: v.exactOptional(FLAG),
});

export type PreloadRecord = v.InferOutput<typeof PRELOAD_RECORD>;

export const recordedImage = (image: CapturedImage): RecordedImage => ({
  names: image.names,
  digest: image.digest,
  size: distinctBytes([image]),
});
