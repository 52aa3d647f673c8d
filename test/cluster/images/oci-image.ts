import { createHash } from 'node:crypto';

export type Format = 'oci' | 'docker';
export type Compression = 'gzip' | 'zstd' | 'none';
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: Platform;
  annotations?: Record<string, string>;
}
export interface Document {
  descriptor: Descriptor;
  content: string;
}
export interface LayerBlob {
  diffID: string;
  digest: string;
  size: number;
  compression: Compression;
}
export interface Image {
  layers: LayerBlob[];
  platform: Platform;
  command: string[];
  format: Format;
}
export interface ImageDocuments {
  manifest: Document;
  config: Document;
  layers: Descriptor[];
}

export const created = '2026-01-01T00:00:00Z';
export const indexType = 'application/vnd.oci.image.index.v1+json';

const types = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar',
    suffix: { gzip: '+gzip', zstd: '+zstd', none: '' },
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar',
    suffix: { gzip: '.gzip', zstd: '.zstd', none: '' },
  },
};

export const sha256 = (content: string): string => {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
};

export const document = (mediaType: string, value: object): Document => {
  const content = JSON.stringify(value);
  return { content, descriptor: { mediaType, digest: sha256(content), size: Buffer.byteLength(content) } };
};

export const imageDocuments = ({ layers, platform, command, format }: Image): ImageDocuments => {
  const type = types[format];
  const config = document(type.config, {
    created,
    ...platform,
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: command },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
  });
  const blobs = layers.map(({ digest, size, compression }) => ({
    mediaType: type.layer + type.suffix[compression],
    digest,
    size,
  }));
  return { manifest: manifestDocument(type.manifest, config, blobs), config, layers: blobs };
};

/** The manifest that build tools put beside an image to say how it was made. */
export const attestationDocuments = (subject: Descriptor): { manifest: Document; blobs: Document[] } => {
  const statement = document('application/vnd.in-toto+json', {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://slsa.dev/provenance/v0.2',
    subject: [{ name: 'sample', digest: { sha256: subject.digest.replace('sha256:', '') } }],
  });
  const config = document(types.oci.config, {
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: [statement.descriptor.digest] },
  });
  const manifest = manifestDocument(types.oci.manifest, config, [statement.descriptor]);
  manifest.descriptor.platform = { os: 'unknown', architecture: 'unknown' };
  manifest.descriptor.annotations = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': subject.digest,
  };
  return { manifest, blobs: [statement, config] };
};

export const indexDocument = (manifests: Descriptor[]): Document => {
  return document(indexType, { schemaVersion: 2, mediaType: indexType, manifests });
};

const manifestDocument = (mediaType: string, config: Document, layers: Descriptor[]): Document => {
  return document(mediaType, { schemaVersion: 2, mediaType, config: config.descriptor, layers });
};
