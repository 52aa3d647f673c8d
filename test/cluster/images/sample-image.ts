import type { Layer } from './layer.ts';
import {
  attestationDocuments,
  type Descriptor,
  type Document,
  type Format,
  imageDocuments,
  indexDocument,
  type LayerBlob,
  type Platform,
} from './oci-image.ts';

/**
 * `names` are REPOSITORY:TAG, or a bare REPOSITORY for an image that has no tag. With `absent` platforms the image is an
 * index whose manifests for them, and whose attestation, the registry no longer holds.
 */
export interface SampleImage {
  names: string[];
  layers: Layer[];
  command?: string[];
  format?: Format;
  absent?: Platform[];
}

/** `manifests` in the order a registry takes them, the root last; `absent` are those to delete afterwards. */
export interface AssembledImage {
  root: Descriptor;
  layers: Descriptor[];
  blobs: Document[];
  manifests: Document[];
  absent: Document[];
}

const platform = { os: 'linux', architecture: 'amd64' };

export const assemble = (image: SampleImage, layers: LayerBlob[]): AssembledImage => {
  const [name = ''] = image.names;
  const settings = { layers, format: image.format ?? 'oci', command: image.command ?? runForEver(name) };
  const own = imageDocuments({ ...settings, platform });
  const parts = { layers: own.layers, root: own.manifest.descriptor };
  if (!image.absent) return { ...parts, blobs: [own.config], manifests: [own.manifest], absent: [] };

  const foreign = image.absent.map((platform) => ({ platform, ...imageDocuments({ ...settings, platform }) }));
  const attestation = attestationDocuments(own.manifest.descriptor);
  const absent = [...foreign.map(({ manifest }) => manifest), attestation.manifest];
  const index = indexDocument([
    { ...own.manifest.descriptor, platform },
    ...foreign.map(({ manifest, platform }) => ({ ...manifest.descriptor, platform })),
    attestation.manifest.descriptor,
  ]);
  return {
    ...parts,
    root: index.descriptor,
    blobs: [own.config, ...foreign.map(({ config }) => config), ...attestation.blobs],
    manifests: [own.manifest, ...absent, index],
    absent,
  };
};

const runForEver = (name: string): string[] => {
  const script = `echo "${name} runs"; trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done`;
  return ['/bin/sh', '-c', script];
};
