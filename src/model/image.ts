import * as v from 'valibot';
import { type ImageReference, imageName, parseImage } from './image-reference.ts';
import type { Document, Manifest } from './oci.ts';
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
  /** all indexes and manifests that containerd reads when it imports the image, the target first */
  documents: Document[];
  /** of the manifest, if nodes run it although it is not the volume's platform, such as `linux/386` on amd64 */
  platform?: string;
  /** base first */
  layers: ResolvedLayer[];
}

/** A layer by its chain ID, with the descriptor of its compressed blob. */
export type ResolvedLayer = Manifest['layers'][number] & { chainId: string };

/** Where a layer came from: the volume itself, an unpacked layer or a blob on the node, or a registry. */
const LAYER_SOURCES = ['volume', 'node', 'blob', 'registry'] as const;

export type LayerSource = (typeof LAYER_SOURCES)[number];

export const CAPTURED_LAYER = object({
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

/** `linux/arm/v7`; restore.sh makes it part of a file name */
export const PLATFORM_NAME = v.pipe(LINE, v.regex(/^linux\/\w+(\/\w+)?$/, 'must be linux/ARCHITECTURE'));

/** What is on the volume, as preload.json lists it. */
export const CAPTURED_IMAGE = object({
  names: v.pipe(list(NAME, MAX_NAMES), v.minLength(1, 'must have a name')),
  /** of the index or manifest that the names point to */
  digest: DIGEST,
  /** of the platform's manifest; equal to `digest` if that is not an index */
  manifest: DIGEST,
  config: DIGEST,
  /** other indexes and manifests that an import reads */
  documents: v.exactOptional(list(DIGEST, MAX_NAMES)),
  /** of the manifest, if nodes run it although it is not the volume's platform, such as `linux/386` on amd64 */
  platform: v.exactOptional(PLATFORM_NAME),
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
