import type { CapturedImage, Contents } from '../model/contents.ts';
import { distinctLayers } from '../model/contents.ts';
import { SNAPSHOTTER } from '../model/layout.ts';
import { digestOf, hexOf } from '../model/oci.ts';

export const FORMAT = 1;

/** preload.json, the last file written: a volume without it is unfinished. */
export const CONTENTS_FILE = 'preload.json';
/** When an unfinished volume was written to; there until it is sealed, since without it all is done again. */
export const BOOT = '.boot';
/** Layers that are being written: what is in layers/ is whole. */
export const UNFINISHED = '.unfinished';
/** What the private containerd needs while it runs. */
export const WORK = '.work';
export const RESTORE_SCRIPT = 'restore.sh';
export const LAYER_LIST = 'restore/layers';
export const NAME_LIST = 'restore/names';
/** On volumes that have layer blobs. */
export const BLOB_LIST = 'restore/blobs';
export const IMAGES_ARCHIVE = 'restore/images.tar';

export const layerFolder = (chainId: string): string => `layers/${hexOf(chainId)}/fs`;

/** `chainID parent depth link|copy` a line, parents first; a `-` stands for no parent, as sh loses empty fields. */
export const layerList = (images: readonly CapturedImage[]): string =>
  distinctLayers(images)
    .map(({ chainId, parent, depth, sandbox }) => `${chainId} ${parent ?? '-'} ${depth} ${sandbox ? 'copy' : 'link'}\n`)
    .join('');

/**
 * `name digest topChainID` a line, in the order in which nodes need them, the sandbox image first; the same for the same
 * images in any order.
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

/** `imageDigest blobDigest bytes` a line, of all blobs of the images that have theirs; the bytes of layers only, else `-`. */
export const blobList = (images: readonly CapturedImage[]): string =>
  images
    .filter(({ blobs }) => blobs)
    .flatMap(({ digest, manifest, config, layers }) => [
      ...[...new Set([digest, manifest, config])].map((document) => `${digest} ${document} -\n`),
      ...layers.map((layer) => `${digest} ${layer.digest} ${layer.bytes}\n`),
    ])
    .join('');

/** Name of what the lists of layers and names say is inside. */
export const setOf = (layers: string, names: string): string => hexOf(digestOf(layers + names)).slice(0, 12);

/** What restore.sh takes for granted where its user does not say otherwise, as it was on the node of the capture. */
export interface RestoreDefaults {
  /** command, such as `/usr/local/bin/ctr` or `k3s ctr` */
  ctr?: string;
  /** containerd's socket */
  address?: string;
  /** of containerd */
  namespace?: string;
}

/** Text of preload.json; `checksums` by path on the volume. `complete` stands last, so that a cut file does not have it. */
export const contentsFile = (
  contents: Contents,
  checksums: Record<string, string>,
  defaults: RestoreDefaults = {},
): string => {
  const { set, version, created, platform, layout, uuid, images } = contents;
  const head = { format: FORMAT, set, version, created, platform, layout, snapshotter: SNAPSHOTTER, uuid };
  return `${JSON.stringify({ ...head, ...defaults, checksums, images, complete: true }, null, 2)}\n`;
};
