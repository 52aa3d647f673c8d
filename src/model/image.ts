import type { ImageReference } from './image-reference.ts';
import type { Descriptor, Document } from './oci.ts';

// An image in four shapes, in the order of its life: requested, wanted, resolved, captured.

/** What the workstation asks for. */
export interface RequestedImage {
  name: ImageReference;
  /** the capture fails without it; other images are skipped */
  required: boolean;
  /** a workload that uses it, such as `cronjob/legacy/report` */
  usedBy?: string;
  /** namespaces that use it; their pull secrets may be tried */
  namespaces: readonly string[];
}

/** What to fetch, and with whose pull secrets. */
export interface ImageSource {
  source: ImageReference;
  namespaces: readonly string[];
}

/** What the loader looks for: the source is the node's version if it has the name, since the tag may have moved. */
export interface WantedImage extends RequestedImage, ImageSource {
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

/** What is on the volume, as preload.json lists it. */
export interface CapturedImage {
  names: string[];
  /** of the index or manifest that the names point to */
  digest: string;
  /** of the platform's manifest; equal to `digest` if that is not an index */
  manifest: string;
  config: string;
  /** base first; empty for an image without layers */
  layers: CapturedLayer[];
  /** the node's pause image, which every pod needs */
  sandbox: boolean;
  /** kube-system used it at the time of the capture, so nodes need it before others */
  system: boolean;
  /** whether the blobs of its layers are on the volume */
  blobs: boolean;
}

export interface CapturedLayer {
  chainId: string;
  /** of its compressed blob */
  digest: string;
  /** of its compressed blob */
  bytes: number;
  source: LayerSource;
}

/** Where a layer came from: the volume itself, an unpacked layer or a blob on the node, or a registry. */
export type LayerSource = 'volume' | 'node' | 'blob' | 'registry';
