import type { Contents } from '../model/contents.ts';
import { distinctLayers, FORMAT } from '../model/contents.ts';
import type { CapturedImage } from '../model/image.ts';
import { SNAPSHOTTER } from '../model/layout.ts';
import { digestOf, hexOf } from '../model/oci.ts';

/** Written last: a volume without it is unfinished. */
export const CONTENTS_FILE = 'preload.json';
/** Records the boot during which an unfinished volume was written; without it the capture starts over. Deleted on sealing. */
export const BOOT = '.boot';
/** Layers that are still being written; those in layers/ are complete. */
export const UNFINISHED = '.unfinished';
/** Files of the private containerd that unpacks, while it runs. */
export const WORK = '.work';
/** Files of the private containerd that gets the images as nodes will, while it runs. */
export const CHECK = '.check';
export const RESTORE_SCRIPT = 'restore.sh';
export const LAYER_LIST = 'restore/layers';
export const NAME_LIST = 'restore/names';
/** containerd's finished store, which a new node can start with; optional. */
export const SEED = 'restore/seed.tar';
/** Only on volumes with layer blobs. */
export const BLOB_LIST = 'restore/blobs';
/** Only if running containers used images of the volume when it was captured. */
export const HOT_LIST = 'restore/hot';

/** Archive of the images of the volume's platform, or of another that its nodes run. An import takes one platform. */
export const imagesArchive = (platform?: string): string =>
  `restore/images${platform === undefined ? '' : platform.replace(/^linux/, '').replaceAll('/', '-')}.tar`;

/** The platforms of these images that are not the volume's, in order. */
const otherPlatforms = (images: readonly Pick<CapturedImage, 'platform'>[]): string[] =>
  [...new Set(images.flatMap(({ platform }) => platform ?? []))].sort();

/** The platform of each archive of these images, by path; undefined for the volume's own. */
export const imagesArchives = (images: readonly Pick<CapturedImage, 'platform'>[]): Map<string, string | undefined> =>
  new Map([undefined, ...otherPlatforms(images)].map((platform) => [imagesArchive(platform), platform]));

export const layerFolder = (chainId: string): string => `layers/${hexOf(chainId)}/fs`;

/** `chainID parent depth link|copy` per line, parents first; `-` means no parent, because sh drops empty fields. */
export const layerList = (images: readonly CapturedImage[]): string =>
  distinctLayers(images)
    .map(({ chainId, parent, depth, sandbox }) => `${chainId} ${parent ?? '-'} ${depth} ${sandbox ? 'copy' : 'link'}\n`)
    .join('');

/**
 * `name digest topChainID` per line, in the order in which nodes need them: the sandbox image, then system images. Does not
 * depend on the order of `images`.
 */
export const nameList = (images: readonly CapturedImage[]): string =>
  images
    .flatMap(({ names, digest, layers, sandbox, system }) =>
      names.map((name) => ({
        rank: sandbox ? 0 : system ? 1 : 2,
        line: `${name} ${digest} ${layers.at(-1)?.chainId ?? '-'}\n`,
      })),
    )
    .sort((a, b) => a.rank - b.rank || (a.line < b.line ? -1 : 1))
    .map(({ line }) => line)
    .join('');

/** `imageDigest blobDigest bytes` per line, for images whose blobs are on the volume; `-` instead of bytes for documents. */
export const blobList = (images: readonly CapturedImage[]): string =>
  images
    .filter(({ blobs }) => blobs)
    .flatMap(({ digest, manifest, config, documents = [], layers }) => [
      ...[...new Set([digest, manifest, config, ...documents])].map((document) => `${digest} ${document} -\n`),
      ...layers.map((layer) => `${digest} ${layer.digest} ${layer.bytes}\n`),
    ])
    .join('');

/** ID of the contents, derived from the lists of layers and names. */
export const setOf = (layers: string, names: string): string => hexOf(digestOf(layers + names)).slice(0, 12);

/** Defaults of restore.sh, taken from the node of the capture; flags override them. */
export interface RestoreDefaults {
  /** a command, such as `/usr/local/bin/ctr` or `k3s ctr` */
  ctr?: string;
  /** containerd's socket */
  address?: string;
  /** of containerd */
  namespace?: string;
}

/** What made a seed: nodes use it only if they know both. */
export interface SeedMaker {
  /** version of the containerd */
  containerd: string;
  /** of its metadata */
  schema: number;
}

/** Text of preload.json; `checksums` by path on the volume. `complete` comes last, so a truncated file does not have it. */
export const contentsFile = (
  contents: Contents,
  checksums: Record<string, string>,
  defaults: RestoreDefaults = {},
  seed?: SeedMaker,
): string => {
  const { set, version, created, platform, layout, uuid, images } = contents;
  const head = { format: FORMAT, set, version, created, platform, layout, snapshotter: SNAPSHOTTER, uuid };
  const others = otherPlatforms(images).join(' ');
  const settings = {
    ...defaults,
    ...(others && { otherPlatforms: others }),
    ...(seed && { seedContainerd: seed.containerd, seedSchema: seed.schema }),
  };
  return `${JSON.stringify({ ...head, ...settings, checksums, images, complete: true }, null, 2)}\n`;
};
