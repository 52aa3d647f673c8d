import { attestationDocuments, document, sha256 } from '../../cluster/images/oci-image.ts';
import type { ContainerdVersion } from '../../cluster/node/config.ts';
import { AMD64, anything, image, indexOf, missing, type Oddity, ownLayer } from './image-parts.ts';
import { schema1 } from './schema1.ts';
import type { Repository } from './table-registry.ts';
import { blobOf, type Layer, layerOf } from './tar-layer.ts';

/** The label of the image that it runs, or what its error contains. */
type Verdict = string | RegExp;

/** An image that is valid in some way, and what containerd on linux/amd64 does with it. */
export interface OddImage {
  image: Repository;
  /** by major version, if these differ */
  containerd: Verdict | Record<1 | 2, Verdict>;
  /**
   * What an import without layers needs beside the documents that lead to its configuration, or else fails, so that no
   * name in the archive is created. with the others: the manifests of all other entries that match. never: the registry
   * does not have one of these. collected: it needs nothing, but garbage collection removes the configuration.
   */
  imported?: 'with the others' | 'never' | 'collected';
  /** why the loader skips it, although containerd runs it */
  skipped?: RegExp;
}

export const verdictOf = ({ containerd }: OddImage, version: ContainerdVersion): Verdict =>
  typeof containerd === 'string' || containerd instanceof RegExp ? containerd : containerd[version === '2' ? 2 : 1];

const NO_MATCH = /no match for platform/;
const NOT_FOUND = /not found/;
const DIFFERENT_LENGTHS = /number of layers and diffIDs don't match/;

const ARM64 = { os: 'linux', architecture: 'arm64' };
const I386 = { os: 'linux', architecture: '386' };
const X86_64 = { os: 'linux', architecture: 'x86_64' };
const WINDOWS = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1' };
const UNKNOWN = { os: 'unknown', architecture: 'unknown' };
const V2 = { ...AMD64, variant: 'v2' };
const V3 = { ...AMD64, variant: 'v3' };

const EXAMPLE = 'application/vnd.example';
const DOCKER_LAYER = 'application/vnd.docker.image.rootfs';
const DOCKER_LIST = { mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json' };
const DOCKER: Oddity = {
  manifestType: 'application/vnd.docker.distribution.manifest.v2+json',
  configType: 'application/vnd.docker.container.image.v1+json',
};

const amd64 = (oddity?: Oddity): Repository => image('amd64', oddity);
const arm64 = (): Repository => image('arm64', { platform: ARM64 });
const i386 = (): Repository => image('386', { platform: I386 });
/** Its configuration does not say what it is for. */
const nowhere = (): Repository => image('none', { platform: {} });
const docker = (type = `${DOCKER_LAYER}.diff.tar.gzip`): Repository =>
  amd64({ ...DOCKER, layers: [ownLayer('gzip', type)] });

/** An image below so many indexes, whose entries have this platform except for the last. */
const nested = (levels: number, platform?: object): Repository =>
  levels === 1 ? indexOf([[amd64(), AMD64]]) : indexOf([[nested(levels - 1, platform), platform]]);

const attested = (): Repository => {
  const subject = amd64();
  const { manifest, blobs } = attestationDocuments(subject.root.descriptor);
  const attestation = { root: manifest, contents: [manifest, ...blobs] };
  return indexOf([
    [attestation, UNKNOWN],
    [subject, AMD64],
  ]);
};

const both = (): Repository => {
  const manifest = image('manifest');
  const index = indexOf([[image('entry'), AMD64]], JSON.parse(manifest.root.content.toString()));
  return { ...index, contents: [...index.contents, ...manifest.contents] };
};

const untyped = ({ root, contents }: Repository): Repository => {
  const { mediaType, ...fields } = JSON.parse(root.content.toString());
  const bare = document(mediaType, fields);
  return { root: bare, contents: [bare, ...contents.slice(1)] };
};

const twice = (layer: Layer): Repository => amd64({ layers: [layer, layer], served: [layer] });

const foreign = (layer: Layer, url: string, served: Layer[]): Repository => {
  const mediaType = `${DOCKER_LAYER}.foreign.diff.tar.gzip`;
  return amd64({ layers: [layer], served, descriptors: [{ ...layer.descriptor, mediaType, urls: [url] }] });
};

const withDiffIDs = (all: readonly Layer[], described: readonly Layer[]): Repository =>
  amd64({ layers: [...all], diffIDs: described.map(({ diffID }) => diffID) });

const [one, two] = [ownLayer(), ownLayer()];
const deep = Array.from({ length: 200 }, () => ownLayer());

/** `url` is where another server has the layer `there`. */
export const oddImages = (url: string, there: Layer): Record<string, OddImage> => ({
  'an ordinary image': { image: amd64(), containerd: 'amd64' },
  'an index in an index': { image: nested(2), containerd: 'amd64' },
  'an index in an index, with platforms': { image: nested(2, AMD64), containerd: 'amd64' },
  'five indexes, one in the other': { image: nested(5), containerd: 'amd64' },
  'five indexes with platforms': { image: nested(5, AMD64), containerd: 'amd64' },
  'an inner index with the platform of another': { image: nested(2, ARM64), containerd: NO_MATCH },
  'an inner index for arm64 before one for amd64, without platforms': {
    image: indexOf([[indexOf([[arm64(), ARM64]])], [indexOf([[amd64(), AMD64]])]]),
    containerd: NO_MATCH, // it only looks into the first
  },
  'an inner index for arm64 before one for amd64, with platforms': {
    image: indexOf([
      [indexOf([[arm64(), ARM64]]), ARM64],
      [indexOf([[amd64(), AMD64]]), AMD64],
    ]),
    containerd: 'amd64',
  },
  'an inner index before amd64': {
    image: indexOf([[indexOf([[image('inner'), AMD64]])], [amd64(), AMD64]]),
    containerd: 'amd64',
    imported: 'with the others',
  },

  'an entry without a platform': { image: indexOf([[amd64()]]), containerd: 'amd64' },
  'an entry without a platform, whose config is for arm64': { image: indexOf([[arm64()]]), containerd: NO_MATCH },
  'an entry without a platform, whose config has none': { image: indexOf([[nowhere()]]), containerd: NO_MATCH },
  'an entry with an empty platform': { image: indexOf([[amd64(), {}]]), containerd: NO_MATCH },
  'an entry for linux without an architecture': { image: indexOf([[amd64(), { os: 'linux' }]]), containerd: NO_MATCH },
  'an entry for amd64 without an OS': { image: indexOf([[amd64(), { architecture: 'amd64' }]]), containerd: 'amd64' },
  'an entry for x86_64': { image: indexOf([[amd64(), X86_64]]), containerd: 'amd64' },
  'an entry for AMD64': { image: indexOf([[amd64(), { os: 'Linux', architecture: 'AMD64' }]]), containerd: 'amd64' },
  'an entry for x86_64 after aarch64': {
    image: indexOf([
      [arm64(), { os: 'linux', architecture: 'aarch64' }],
      [amd64(), X86_64],
    ]),
    containerd: 'amd64',
  },
  'only windows': { image: indexOf([[image('windows', { platform: WINDOWS }), WINDOWS]]), containerd: NO_MATCH },
  'only 386': { image: indexOf([[i386(), I386]]), containerd: { 1: '386', 2: NOT_FOUND }, imported: 'collected' },
  '386 before amd64': {
    image: indexOf([
      [i386(), I386],
      [amd64(), AMD64],
    ]),
    containerd: 'amd64',
  },
  'amd64/v1': { image: indexOf([[amd64(), { ...AMD64, variant: 'v1' }]]), containerd: 'amd64' },
  'only amd64/v2': { image: indexOf([[image('v2', { platform: V2 }), V2]]), containerd: NO_MATCH },
  'amd64/v3 before amd64': {
    image: indexOf([
      [image('v3', { platform: V3 }), V3],
      [amd64(), AMD64],
    ]),
    containerd: 'amd64',
  },
  'amd64 with os.version and os.features': {
    image: indexOf([[amd64(), { ...AMD64, 'os.version': '6.1', 'os.features': ['gpu'] }]]),
    containerd: { 1: 'amd64', 2: NO_MATCH },
  },
  'an entry for amd64 whose config is for arm64': { image: indexOf([[arm64(), AMD64]]), containerd: 'arm64' },
  'an entry for amd64 whose config has no platform': { image: indexOf([[nowhere(), AMD64]]), containerd: 'none' },
  'an entry for arm64 whose config is for amd64': { image: indexOf([[amd64(), ARM64]]), containerd: NO_MATCH },
  'a manifest whose config is for arm64': { image: arm64(), containerd: 'arm64' },
  'a manifest whose config is for x86_64': { image: amd64({ platform: X86_64 }), containerd: 'amd64' },
  'a manifest whose config has no platform': { image: nowhere(), containerd: 'none' },

  'two entries for amd64': {
    image: indexOf([
      [image('first'), AMD64],
      [image('second'), AMD64],
    ]),
    containerd: 'first',
    imported: 'with the others',
  },
  'two entries for amd64, the second missing': {
    image: indexOf([
      [image('first'), AMD64],
      [missing(image('second')), AMD64],
    ]),
    containerd: { 1: 'first', 2: NOT_FOUND },
    imported: 'never',
  },
  'two entries for amd64, the first missing': {
    image: indexOf([
      [missing(image('first')), AMD64],
      [image('second'), AMD64],
    ]),
    containerd: NOT_FOUND,
  },
  'an entry without a platform before amd64': {
    image: indexOf([[image('without')], [amd64(), AMD64]]),
    containerd: 'amd64',
    imported: 'with the others',
  },
  'an entry without a platform before amd64, whose config is for arm64': {
    image: indexOf([[arm64()], [amd64(), AMD64]]),
    containerd: 'amd64',
    imported: 'with the others',
  },
  'an entry without a platform, missing, before amd64': {
    image: indexOf([[missing(image('without'))], [amd64(), AMD64]]),
    containerd: { 1: 'amd64', 2: NOT_FOUND },
    imported: 'never',
  },
  'an entry without a platform, missing, after amd64': {
    image: indexOf([[amd64(), AMD64], [missing(image('without'))]]),
    containerd: { 1: 'amd64', 2: NOT_FOUND },
    imported: 'never',
  },
  'two entries without a platform': {
    image: indexOf([[image('first')], [image('second')]]),
    containerd: 'first',
    imported: 'with the others',
  },
  'an entry for arm64, missing, before amd64': {
    image: indexOf([
      [missing(arm64()), ARM64],
      [amd64(), AMD64],
    ]),
    containerd: 'amd64',
  },
  'an entry of an unknown type before amd64': {
    image: indexOf([[anything(`${EXAMPLE}.unknown+json`, { unknown: 1 })], [amd64(), AMD64]]),
    containerd: 'amd64',
  },
  'an entry of an unknown type for amd64, before amd64': {
    image: indexOf([
      [anything(`${EXAMPLE}.unknown+json`, { unknown: 2 }), AMD64],
      [amd64(), AMD64],
    ]),
    containerd: /unexpected media type/,
  },
  'an attestation before amd64': { image: attested(), containerd: 'amd64' },
  'an attestation, missing, before amd64': {
    image: indexOf([
      [missing(image('attestation', { platform: UNKNOWN })), UNKNOWN],
      [amd64(), AMD64],
    ]),
    containerd: 'amd64',
  },
  'an index without entries': { image: indexOf([]), containerd: NO_MATCH },

  'no layers': { image: amd64({ layers: [] }), containerd: 'amd64' },
  'an empty layer': { image: amd64({ layers: [layerOf([])] }), containerd: 'amd64' },
  'the same layer twice': { image: twice(ownLayer()), containerd: 'amd64' },
  '127 layers': { image: amd64({ layers: deep.slice(0, 127) }), containerd: 'amd64' },
  '200 layers': { image: amd64({ layers: deep }), containerd: 'amd64' },
  'a Docker image': { image: docker(), containerd: 'amd64' },
  'a Docker manifest list': { image: indexOf([[docker(), AMD64]], DOCKER_LIST), containerd: 'amd64' },
  'a Docker image of schema 1': {
    image: schema1('amd64', [ownLayer()]),
    containerd: { 1: 'amd64', 2: /schema 1 image manifests are no longer supported/ },
  },
  'a layer compressed with zstd': { image: amd64({ layers: [ownLayer('zstd')] }), containerd: 'amd64' },
  'a layer compressed with gzip whose type denies it': {
    image: docker(`${DOCKER_LAYER}.diff.tar`),
    containerd: 'amd64',
  },
  'a layer that is not compressed': { image: amd64({ layers: [ownLayer('none')] }), containerd: 'amd64' },
  'a layer that is not compressed whose type denies it': {
    image: amd64({ layers: [ownLayer('none', 'application/vnd.oci.image.layer.v1.tar+gzip')] }),
    containerd: 'amd64',
  },
  'a manifest without a media type': { image: untyped(amd64()), containerd: 'amd64' },
  'an index without a media type': { image: untyped(indexOf([[amd64(), AMD64]])), containerd: 'amd64' },
  'an index that is also a manifest': { image: both(), containerd: /expected index but found manifest/ },
  'a layer of an unknown type': {
    image: amd64({ layers: [ownLayer('gzip', `${EXAMPLE}.layer`)] }),
    containerd: /no processor for media-type|mismatched image rootfs and manifest layers|is not unpacked/,
  },
  'a foreign layer that the registry also has': { image: foreign(one, `${url}.gone`, [one]), containerd: 'amd64' },
  'a foreign layer that only another server has': {
    image: foreign(there, url, []),
    containerd: 'amd64',
    skipped: /^its layer sha256:\w+ is not in the registry, and URLs in a manifest are not followed$/,
  },
  'annotations, a subject and an artifact type': {
    image: amd64({
      manifest: {
        annotations: { note: 'x' },
        subject: image('subject').root.descriptor,
        artifactType: `${EXAMPLE}.artifact`,
      },
    }),
    containerd: 'amd64',
  },
  'fewer diff IDs than layers': { image: withDiffIDs([one, two], [two]), containerd: DIFFERENT_LENGTHS },
  'more diff IDs than layers': { image: withDiffIDs([two], [one, two]), containerd: DIFFERENT_LENGTHS },
  'the diff ID of another layer': {
    image: withDiffIDs([ownLayer()], [blobOf(Buffer.of(1), sha256('other'))]),
    containerd: /wrong diff id/,
  },
  'a config of an unknown type': {
    image: amd64({ configType: `${EXAMPLE}.config+json` }),
    containerd: /failed to get reader from content store|is not unpacked/,
  },
  'an artifact with an empty config': {
    image: amd64({ configType: 'application/vnd.oci.empty.v1+json', layers: [ownLayer('gzip', `${EXAMPLE}.layer`)] }),
    containerd: /no processor for media-type|mismatched image rootfs and manifest layers|is not unpacked/,
  },
});
