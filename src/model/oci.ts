import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { PreloadError } from './errors.ts';
import { DIGEST, LINE, list, MAX_LAYERS, matches, OBJECT, object, parse, parseJson, SIZE } from './parse.ts';

/** An index, manifest or configuration: exactly the bytes from its registry, and the JSON object in them. */
export interface Document {
  digest: string;
  data: Buffer;
  json: Readonly<Record<string, unknown>>;
}

const DESCRIPTOR = object({ digest: DIGEST, size: SIZE });

export type Descriptor = v.InferOutput<typeof DESCRIPTOR>;

const PLATFORM = object({ os: LINE, architecture: LINE, variant: v.optional(LINE) });

const MAX_ENTRIES = 1000; // of an index, one per platform and attestation

const INDEX = object({
  manifests: list(object({ ...DESCRIPTOR.entries, platform: v.nullish(PLATFORM) }), MAX_ENTRIES),
});

const MANIFEST = object({ config: DESCRIPTOR, layers: list(DESCRIPTOR, MAX_LAYERS) });

export type Manifest = v.InferOutput<typeof MANIFEST>;

const CONFIG = object({
  os: LINE,
  architecture: LINE,
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

/**
 * Digests of the manifests for `platform` in an index, or undefined if it is a manifest itself. Throws PreloadError if
 * there is no manifest for it.
 */
export const manifestsFor = ({ json }: Document, platform: string): string[] | undefined => {
  if (!json.manifests) return undefined;
  const [os, architecture, variant] = platform.split('/');
  const digests = parse(INDEX, json)
    .manifests.filter((entry) => entry.platform?.os === os && entry.platform?.architecture === architecture)
    .filter((entry) => !variant || entry.platform?.variant === variant)
    .map(({ digest }) => digest);
  if (digests.length === 0) throw new PreloadError(`has no image for ${platform}`);
  return digests;
};

export const parseManifest = ({ json }: Document): Manifest => {
  if (!json.config || !json.layers) throw new PreloadError('is neither an OCI nor a Docker schema 2 image');
  return parse(MANIFEST, json);
};

/**
 * Chain IDs (see the OCI image specification) of the layers in a config, base first. Throws PreloadError if the config
 * is invalid or for another platform.
 */
export const chainIds = ({ json }: Document, platform: string): string[] => {
  const config = parse(CONFIG, json);
  const [os, architecture] = platform.split('/');
  if (config.os !== os || config.architecture !== architecture) {
    throw new PreloadError(`is for ${config.os}/${config.architecture}, not for ${platform}`);
  }
  const chain: string[] = [];
  for (const diffId of config.rootfs.diff_ids) {
    const parent = chain.at(-1);
    chain.push(parent ? digestOf(`${parent} ${diffId}`) : diffId);
  }
  return chain;
};
