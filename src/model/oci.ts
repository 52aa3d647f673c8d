import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { PreloadError } from './errors.ts';
import { DIGEST, LINE, list, MAX_LAYERS, matches, OBJECT, object, parse, parseJson, SIZE } from './parse.ts';
import { acceptedPlatforms, parsePlatform, platformName } from './platform.ts';

/** An index, manifest or configuration: exactly the bytes from its registry, and the JSON object in them. */
export interface Document {
  digest: string;
  data: Buffer;
  json: Readonly<Record<string, unknown>>;
}

const INDEX_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

const DESCRIPTOR = object({ digest: DIGEST, size: SIZE });

export type Descriptor = v.InferOutput<typeof DESCRIPTOR>;

const PLATFORM = object({
  os: v.nullish(LINE),
  architecture: v.nullish(LINE),
  variant: v.nullish(LINE),
  'os.features': v.nullish(list(LINE, MAX_LAYERS), []),
});

const MAX_ENTRIES = 1000; // of an index, one per platform and attestation

const INDEX_ENTRY = object({ ...DESCRIPTOR.entries, mediaType: v.nullish(LINE), platform: v.nullish(PLATFORM) });

/** An image, an index or an attestation that an index lists. */
export type IndexEntry = v.InferOutput<typeof INDEX_ENTRY>;

const INDEX = object({
  mediaType: v.nullish(v.picklist(INDEX_TYPES, 'must be the type of an index')),
  manifests: list(INDEX_ENTRY, MAX_ENTRIES),
});

// containerd refuses other types, since it does not know how to unpack them
const LAYER_TYPE = v.pipe(
  LINE,
  v.regex(
    /^application\/vnd\.(oci\.image\.layer\.|docker\.image\.rootfs\.(foreign\.)?diff\.tar|erofs\.layer)[\w.+-]*$/,
    'must be the type of a layer',
  ),
);

const MAX_URLS = 100;

const LAYER = object({
  ...DESCRIPTOR.entries,
  mediaType: LAYER_TYPE,
  /** where a foreign layer is; never asked, since whoever wrote the manifest chose it */
  urls: v.nullish(list(LINE, MAX_URLS), []),
});

const CONFIG_TYPES = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'];

// containerd 2 accepts other types, but unpacks no layers of such an image
const CONFIG_DESCRIPTOR = object({
  ...DESCRIPTOR.entries,
  mediaType: v.picklist(CONFIG_TYPES, 'must be the type of an image configuration'),
});

const MANIFEST = object({
  mediaType: v.nullish(v.picklist(MANIFEST_TYPES, 'must be the type of a manifest')),
  config: CONFIG_DESCRIPTOR,
  layers: list(LAYER, MAX_LAYERS),
});

export type Manifest = v.InferOutput<typeof MANIFEST>;

const CONFIG = object({
  os: v.nullish(LINE),
  architecture: v.nullish(LINE),
  variant: v.nullish(LINE),
  rootfs: v.nullish(object({ diff_ids: v.nullish(list(DIGEST, MAX_LAYERS), []) }), {}),
});

/** Whether `value` is a SHA-256 digest, in lower-case hex. */
export const isDigest = (value: unknown): value is string => matches(DIGEST, value);

/** The hex digits of a digest, for paths. Throws PreloadError on any other text, so that no path can leave its folder. */
export const hexOf = (digest: string): string => parse(DIGEST, digest).slice('sha256:'.length);

/** Path of a blob in an OCI image layout and in containerd's content store. */
export const blobPath = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

export const digestOf = (data: string | Buffer): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

/** The document in `data`; `digest` if it is known. Throws PreloadError if `data` is not a JSON object. */
export const parseDocument = (data: Buffer, digest = digestOf(data)): Document => {
  const json = parseJson(data.toString());
  if (matches(OBJECT, json)) return { digest, data, json };
  throw new PreloadError('is not a JSON object');
};

/** Media type of an index or manifest; old documents do not contain it. */
export const mediaTypeOf = ({ json }: Document): string =>
  typeof json.mediaType === 'string'
    ? json.mediaType
    : `application/vnd.oci.image.${json.manifests ? 'index' : 'manifest'}.v1+json`;

/** The entries of an index, or undefined if the document is not one. */
export const indexEntries = ({ json }: Document): IndexEntry[] | undefined => {
  if (!json.manifests) return undefined;
  if (json.config || json.layers) throw new PreloadError('is both an index and an image');
  return parse(INDEX, json).manifests;
};

/**
 * Entries of an index that a node of this platform may run, best first, as containerd sorts them: it follows the first.
 * Entries without a platform come last.
 */
export const entriesFor = (entries: readonly IndexEntry[], platform: string): IndexEntry[] => {
  const accepted = [...acceptedPlatforms(platform), undefined];
  return accepted.flatMap((name) => entries.filter((entry) => platformOf(entry) === name));
};

/** Whether containerd follows an entry; others are signatures and the like. */
export const isFollowed = ({ mediaType }: IndexEntry): boolean =>
  [...INDEX_TYPES, ...MANIFEST_TYPES].includes(mediaType ?? '');

/** Entries that an import for exactly this platform reads. */
export const entriesOf = (entries: readonly IndexEntry[], platform: string): IndexEntry[] =>
  entries.filter((entry) => [platformName(parsePlatform(platform)), undefined].includes(platformOf(entry)));

/** Name of the platform that an index says; undefined if it does not, `other` if it needs more than a platform. */
export const platformOf = ({ platform }: IndexEntry): string | undefined => {
  if (!platform) return undefined;
  const { os, architecture, variant, 'os.features': features } = platform;
  return features.length > 0 ? 'other' : platformName({ os, architecture, variant });
};

export const parseManifest = ({ json }: Document): Manifest => {
  if (!json.config || !json.layers) throw new PreloadError('is neither an OCI nor a Docker schema 2 image');
  return parse(MANIFEST, json);
};

/** Name of the platform that a config says. Throws PreloadError if the config is invalid. */
export const configPlatform = ({ json }: Document): string => platformName(parse(CONFIG, json));

/** Digests of the unpacked layers in a config, base first. Throws PreloadError if the config is invalid. */
export const diffIds = ({ json }: Document): string[] => parse(CONFIG, json).rootfs?.diff_ids ?? [];

/**
 * Chain IDs (see the OCI image specification) of the layers in a config, base first. Throws PreloadError if the config
 * is invalid.
 */
export const chainIds = (config: Document): string[] => {
  const chain: string[] = [];
  for (const diffId of diffIds(config)) {
    const parent = chain.at(-1);
    chain.push(parent ? digestOf(`${parent} ${diffId}`) : diffId);
  }
  return chain;
};
