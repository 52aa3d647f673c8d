import { createHash } from 'node:crypto';
import { PreloadError } from './errors.ts';

/** An index, manifest or configuration: exactly the bytes from its registry, and the JSON object in them. */
export interface Document {
  digest: string;
  data: Buffer;
  json: Readonly<Record<string, unknown>>;
}

export interface Descriptor {
  digest: string;
  size: number;
}

/** An untrusted entry of an index. */
type IndexEntry = { platform?: { os?: string; architecture?: string; variant?: string } } | null;

export interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

/** Whether `value` is a SHA-256 digest, in lower-case hex. */
export const isDigest = (value: unknown): value is string =>
  typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);

/** Checks an untrusted digest or diff ID. Throws PreloadError if it is not a SHA-256 digest. */
export const parseDigest = (value: unknown): string => {
  if (isDigest(value)) return value;
  throw new PreloadError(`invalid digest ${quoted(value)}: must be sha256: and 64 lower-case hex digits`);
};

/** The hex digits of a digest, for paths. Throws PreloadError on any other text, so that no path can leave its folder. */
export const hexOf = (digest: string): string => parseDigest(digest).slice('sha256:'.length);

/** Path of a blob in an OCI image layout and in containerd's content store. */
export const blobPath = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

/** Untrusted text for a message: shortened, without control characters. */
const quoted = (value: unknown): string => String(JSON.stringify(value)).slice(0, 100);

export const digestOf = (data: string | Buffer): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

/** The document in `data`; `digest` if it is known. Throws PreloadError if `data` is not a JSON object. */
export const parseDocument = (data: Buffer, digest = digestOf(data)): Document => {
  const json = parseJson(data);
  if (typeof json === 'object' && json !== null && !Array.isArray(json))
    return { digest, data, json: json as Document['json'] };
  throw new PreloadError('is not a JSON object');
};

const parseJson = (data: Buffer): unknown => {
  try {
    return JSON.parse(data.toString());
  } catch {
    return undefined;
  }
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
export const manifestsFor = ({ json: { manifests } }: Document, platform: string): string[] | undefined => {
  if (!manifests) return undefined;
  const [os, architecture, variant] = platform.split('/');
  const digests = arrayOf<IndexEntry>(manifests, 'manifests')
    .filter((entry) => entry?.platform?.os === os && entry?.platform?.architecture === architecture)
    .filter((entry) => !variant || entry?.platform?.variant === variant)
    .map((entry) => parseDescriptor(entry).digest);
  if (digests.length === 0) throw new PreloadError(`has no image for ${platform}`);
  return digests;
};

export const parseManifest = ({ json: { config, layers } }: Document): Manifest => {
  if (!config || !layers) throw new PreloadError('is neither an OCI nor a Docker schema 2 image');
  return { config: parseDescriptor(config), layers: arrayOf(layers, 'layers').map(parseDescriptor) };
};

/**
 * Chain IDs (see the OCI image specification) of the layers in a config, base first. Throws PreloadError if the config
 * is invalid or for another platform.
 */
export const chainIds = ({ json }: Document, platform: string): string[] => {
  const config = json as { os?: string; architecture?: string; rootfs?: { diff_ids?: unknown } };
  const [os, architecture] = platform.split('/');
  if (config.os !== os || config.architecture !== architecture) {
    throw new PreloadError(`is for ${config.os}/${config.architecture}, not for ${platform}`);
  }
  const chain: string[] = [];
  for (const value of arrayOf(config.rootfs?.diff_ids ?? [], 'diff_ids')) {
    const [parent, diffId] = [chain.at(-1), parseDigest(value)];
    chain.push(parent ? digestOf(`${parent} ${diffId}`) : diffId);
  }
  return chain;
};

const arrayOf = <T>(value: unknown, name: string): T[] => {
  if (Array.isArray(value)) return value;
  throw new PreloadError(`invalid ${name}: must be an array`);
};

const parseDescriptor = (value: unknown): Descriptor => {
  const { digest, size } = (value ?? {}) as Record<string, unknown>;
  if (!Number.isSafeInteger(size) || Number(size) < 0) {
    throw new PreloadError(`invalid size ${quoted(size)}: must be a whole number of bytes`);
  }
  return { digest: parseDigest(digest), size: Number(size) };
};
