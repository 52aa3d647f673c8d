import { createHash } from 'node:crypto';
import { PreloadError } from './errors.ts';

/** A document of an image, byte for byte as its registry has it. */
export interface Blob {
  digest: string;
  data: Buffer;
}

export interface Descriptor {
  digest: string;
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
}

export interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

export const digestOf = (data: string | Buffer): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

export const blobOf = (data: Buffer): Blob => ({ digest: digestOf(data), data });

/** Media type of an index or manifest; old documents do not say theirs. */
export const mediaTypeOf = (data: Buffer): string => {
  const document = JSON.parse(data.toString()) as { mediaType?: string; manifests?: unknown };
  return document.mediaType ?? `application/vnd.oci.image.${document.manifests ? 'index' : 'manifest'}.v1+json`;
};

/** Digests of the manifests for `platform` in an index, or undefined when `data` is a manifest itself. */
export const manifestsFor = (data: Buffer, platform: string): string[] | undefined => {
  const { manifests } = JSON.parse(data.toString()) as { manifests?: Descriptor[] };
  if (!manifests) return undefined;
  const [os, architecture, variant] = platform.split('/');
  const digests = manifests
    .filter(({ platform: of }) => of?.os === os && of?.architecture === architecture)
    .filter(({ platform: of }) => !variant || of?.variant === variant)
    .map(({ digest }) => digest);
  if (digests.length === 0) throw new PreloadError(`has no image for ${platform}`);
  return digests;
};

export const parseManifest = (data: Buffer): Manifest => {
  const manifest = JSON.parse(data.toString()) as Partial<Manifest>;
  if (!manifest.config || !manifest.layers) throw new PreloadError('is neither an OCI nor a Docker schema 2 image');
  return { config: manifest.config, layers: manifest.layers };
};

/** Chain IDs of the layers of the image with config `data`, base first, as the OCI image specification defines them. */
export const chainIds = (data: Buffer, platform: string): string[] => {
  const config = JSON.parse(data.toString()) as {
    os?: string;
    architecture?: string;
    rootfs?: { diff_ids?: string[] };
  };
  const [os, architecture] = platform.split('/');
  if (config.os !== os || config.architecture !== architecture) {
    throw new PreloadError(`is for ${config.os}/${config.architecture}, not for ${platform}`);
  }
  const chain: string[] = [];
  for (const diffId of config.rootfs?.diff_ids ?? []) {
    const parent = chain.at(-1);
    chain.push(parent ? digestOf(`${parent} ${diffId}`) : diffId);
  }
  return chain;
};
