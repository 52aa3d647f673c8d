import { type Descriptor, document, indexType } from '../../cluster/images/oci-image.ts';
import type { Content, Repository } from './table-registry.ts';
import { type Layer, layerOf } from './tar-layer.ts';

export const AMD64 = { os: 'linux', architecture: 'amd64' };
export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const CONFIG = 'application/vnd.oci.image.config.v1+json';

/** What makes an image different from an ordinary one. */
export interface Oddity {
  /** what its configuration says of its platform */
  platform?: object;
  layers?: Layer[];
  /** of the layers in the registry, those that it has */
  served?: Layer[];
  /** of its layers, as its manifest describes them */
  descriptors?: unknown[];
  diffIDs?: unknown[];
  /** further fields, or other values, of its documents */
  manifest?: object;
  config?: object;
  manifestType?: string;
  configType?: string;
}

let made = 0;

/** A layer that no other image has. */
export const ownLayer = (...more: Parameters<typeof layerOf> extends [unknown, ...infer M] ? M : never): Layer => {
  made += 1;
  return layerOf([{ name: `file-${made}`, content: `${made}` }], ...more);
};

/**
 * An image with one layer, unless it is odd; its command is `label`. It shares nothing with other images: what a node has
 * of one would hide what a registry does not have of another.
 */
export const image = (label: string, oddity: Oddity = {}): Repository => {
  const { platform = AMD64, layers = [ownLayer()], served = layers, manifestType = MANIFEST } = oddity;
  made += 1;
  const config = document(oddity.configType ?? CONFIG, {
    created: '2026-01-01T00:00:00Z',
    author: `${made}`,
    ...platform,
    config: { Cmd: [label] },
    rootfs: { type: 'layers', diff_ids: oddity.diffIDs ?? layers.map(({ diffID }) => diffID) },
    ...oddity.config,
  });
  const root = document(manifestType, {
    schemaVersion: 2,
    mediaType: manifestType,
    config: config.descriptor,
    layers: oddity.descriptors ?? layers.map(({ descriptor }) => descriptor),
    ...oddity.manifest,
  });
  return { root, contents: [root, config, ...served] };
};

/** What an index has of one image or of another index; `platform` is left out if it is undefined. */
export type IndexEntry = readonly [Repository, platform?: object | undefined, descriptor?: Partial<Descriptor>];

export const indexOf = (entries: readonly IndexEntry[], fields: object = {}): Repository => {
  const root = document(indexType, {
    schemaVersion: 2,
    mediaType: indexType,
    manifests: entries.map(([{ root }, platform, descriptor]) => ({ ...root.descriptor, platform, ...descriptor })),
    ...fields,
  });
  return { root, contents: [root, ...entries.flatMap(([{ contents }]) => contents)] };
};

/** The same, but the registry does not have it. */
export const missing = ({ root }: Repository): Repository => ({ root, contents: [] });

/** Something that the registry has, of any type. */
export const anything = (mediaType: string, value: object): Repository => {
  const root: Content = document(mediaType, value);
  return { root, contents: [root] };
};
