import * as v from 'valibot';
import { MAX_IMAGES, REQUESTED_IMAGE } from './image.ts';
import { printImage } from './image-reference.ts';
import { LAYOUTS } from './layout.ts';
import { DIGEST, FLAG, LINE, list, object, parse, parseJson, SIZE } from './parse.ts';

/** The node's own programs; paths on the node. */
const NODE_TOOLS = object({
  /** command and flags; `ctr` by default */
  ctrPath: LINE,
  ctrFlags: LINE,
  containerdPath: LINE,
});

export type NodeTools = v.InferOutput<typeof NODE_TOOLS>;

/** More would not fit into the config map. */
export const MAX_ON_BASE = 5000;

/** What the volume starts with: chain IDs and digests. */
const BASE_CONTENTS = object({ layers: list(DIGEST, MAX_ON_BASE), blobs: list(DIGEST, MAX_ON_BASE) });

export type BaseContents = v.InferOutput<typeof BASE_CONTENTS>;

/** What the workstation asks the loader pod to capture. */
const CAPTURE_REQUEST = object({
  images: list(REQUESTED_IMAGE, MAX_IMAGES),
  /** also capture every image in the node's cache */
  cache: FLAG,
  /** whose pull secrets may be tried for images in the cache; nobody knows who uses them */
  cacheNamespace: v.exactOptional(LINE),
  /** resolve tags in the registry instead of using the node's version */
  forcePull: FLAG,
  /** copy layers that the node has unpacked; without it, unpack every layer from a blob whose digest is checked */
  copy: FLAG,
  /** also write containerd's finished store, with which new nodes can start */
  seed: v.optional(FLAG, true),
  /** how many layers are copied or fetched at the same time */
  parallel: v.pipe(SIZE, v.minValue(1, 'must be at least 1')),
  /** bytes a second to read from the node's disk, by all copies together; no limit without it */
  maxRate: v.exactOptional(v.pipe(SIZE, v.minValue(1, 'must be at least 1'))),
  /** milliseconds from the plan on, after which images that are not required are skipped; no limit without it */
  budget: v.exactOptional(SIZE),
  /** bytes of the volume that the workstation estimated; images that need much more are skipped */
  estimate: v.exactOptional(SIZE),
  /** what an older snapshot has, for a plan without the volume */
  base: v.exactOptional(BASE_CONTENTS),
  /** prefixes of names to leave out */
  exclude: list(LINE, MAX_IMAGES),
  /** `linux/amd64` */
  platform: LINE,
  layout: v.picklist(LAYOUTS),
  /** also write one archive per image, like the original tool */
  oneTarPerImage: FLAG,
  tools: NODE_TOOLS,
});

export type CaptureRequest = v.InferOutput<typeof CAPTURE_REQUEST>;

/** JSON text of a request, which `parseRequest` reads as the same. */
export const printRequest = ({ images, ...request }: CaptureRequest): string =>
  JSON.stringify({ ...request, images: images.map((image) => ({ ...image, name: printImage(image.name) })) });

/** Throws PreloadError if `text` is not a request. */
export const parseRequest = (text: string): CaptureRequest => parse(CAPTURE_REQUEST, parseJson(text));
