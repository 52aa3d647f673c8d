import { sha256 } from '../../cluster/images/oci-image.ts';
import { AMD64 } from './image-parts.ts';
import type { Repository } from './table-registry.ts';
import type { Layer } from './tar-layer.ts';

const TYPE = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

/** An image as registries had it before 2016, with a signature that covers all of it and is not checked. */
export const schema1 = (label: string, layers: readonly Layer[]): Repository => {
  const history = layers.map((_, index) => ({
    v1Compatibility: JSON.stringify({
      ...{ id: `${index}`.padStart(64, '0'), created: '2026-01-01T00:00:00Z' },
      ...AMD64,
      config: { Cmd: [label] },
    }),
  }));
  const payload = {
    schemaVersion: 1,
    name: label,
    tag: '1',
    architecture: 'amd64',
    fsLayers: layers.map(({ descriptor }) => ({ blobSum: descriptor.digest })),
    history,
  };
  const text = JSON.stringify(payload, undefined, 3);
  const protectedPart = { formatLength: text.length - 2, formatTail: Buffer.from('\n}').toString('base64url') };
  const signatures = [
    {
      header: { alg: 'none' },
      signature: '',
      protected: Buffer.from(JSON.stringify(protectedPart)).toString('base64url'),
    },
  ];
  // the payload must stay as it is indented, because its digest is the image's
  const content = `${text.slice(0, -2)},\n   "signatures": ${JSON.stringify(signatures)}\n}`;
  const descriptor = { mediaType: TYPE, digest: sha256(text), size: Buffer.byteLength(content) };
  const root = { descriptor, content };
  return { root, contents: [root, ...layers] };
};
