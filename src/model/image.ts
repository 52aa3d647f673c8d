import * as v from 'valibot';
import { type ImageReference, imageName, parseImage } from './image-reference.ts';
import type { Descriptor, Document } from './oci.ts';
import { DIGEST, FLAG, LINE, list, MAX_LAYERS, object, SIZE } from './parse.ts';

// An image in four shapes, in the order of its life: requested, wanted, resolved, captured.

/** of one preload */
export const MAX_IMAGES = 100_000;
const MAX_NAMESPACES = 100_000;

const REFERENCE = v.pipe(
  LINE,
  v.rawTransform(({ dataset, addIssue, NEVER }): ImageReference => {
    const image = parseImage(dataset.value);
    if (image) return image;
    addIssue({ message: 'must be an image reference' });
    return NEVER;
  }),
);

/** What the workstation asks for. */
export const REQUESTED_IMAGE = object({
  name: REFERENCE,
  /** the capture fails without it; other images are skipped */
  required: FLAG,
  /** a workload that uses it, such as `cronjob/legacy/report` */
  usedBy: v.exactOptional(LINE),
  /** namespaces that use it; their pull secrets may be tried */
  namespaces: list(LINE, MAX_NAMESPACES),
});

export type RequestedImage = v.InferOutput<typeof REQUESTED_IMAGE>;

/** What to fetch, and with whose pull secrets. */
export interface ImageSource {
  source: ImageReference;
  namespaces: readonly string[];
}

/** What the loader looks for: the source is the node's version if it has the name, since the tag may have moved. */
export interface WantedImage extends RequestedImage {
  source: ImageReference;
  /** the node's pause image, which every pod needs */
  sandbox: boolean;
}

/** What the loader found: an image with all its names and documents. */
export interface ResolvedImage {
  wanted: WantedImage[];
  names: string[];
  /** what the names point to: an index or a manifest */
  target: Document;
  /** the platform's manifest; the target itself unless that is an index */
  manifest: Document;
  config: Document;
  /** base first */
  layers: ResolvedLayer[];
}

/** A layer by its chain ID, with the descriptor of its compressed blob. */
export interface ResolvedLayer extends Descriptor {
  chainId: string;
}

/** Where a layer came from: the volume itself, an unpacked layer or a blob on the node, or a registry. */
const LAYER_SOURCES = ['volume', 'node', 'blob', 'registry'] as const;

export type LayerSource = (typeof LAYER_SOURCES)[number];

const CAPTURED_LAYER = object({
  chainId: DIGEST,
  /** of its compressed blob */
  digest: DIGEST,
  /** of its compressed blob */
  bytes: SIZE,
  source: v.picklist(LAYER_SOURCES, `must be one of ${LAYER_SOURCES.join(', ')}`),
});

export type CapturedLayer = v.InferOutput<typeof CAPTURED_LAYER>;

/** A name as the container runtime looks it up for the kubelet. */
const NAME = v.pipe(
  LINE,
  v.check((text) => {
    const image = parseImage(text);
    return image !== undefined && imageName(image) === text;
  }, 'must be a fully qualified image name'),
);

const MAX_NAMES = 1000; // of one image

/** What is on the volume, as preload.json lists it. */
export const CAPTURED_IMAGE = object({
  names: v.pipe(list(NAME, MAX_NAMES), v.minLength(1, 'must have a name')),
  /** of the index or manifest that the names point to */
  digest: DIGEST,
  /** of the platform's manifest; equal to `digest` if that is not an index */
  manifest: DIGEST,
  config: DIGEST,
  /** base first; empty for an image without layers */
  layers: list(CAPTURED_LAYER, MAX_LAYERS),
  /** the node's pause image, which every pod needs */
  sandbox: FLAG,
  /** kube-system used it at the time of the capture, so nodes need it before others */
  system: FLAG,
  /** whether the blobs of its layers are on the volume */
  blobs: FLAG,
});

export type CapturedImage = v.InferOutput<typeof CAPTURED_IMAGE>;
