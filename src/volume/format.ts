import type { CapturedImage, Contents } from '../model/contents.ts';
import { distinctLayers } from '../model/contents.ts';

export const FORMAT = 1;
export const SNAPSHOTTER = 'overlayfs';

/** preload.json, the last file written: a volume without it is unfinished. */
export const CONTENTS_FILE = 'preload.json';
export const RESTORE_SCRIPT = 'restore.sh';
export const LAYER_LIST = 'restore/layers';
export const NAME_LIST = 'restore/names';
export const IMAGES_ARCHIVE = 'restore/images.tar';

const hex = (digest: string): string => digest.slice('sha256:'.length);

export const layerFolder = (chainId: string): string => `layers/${hex(chainId)}/fs`;
export const blobPath = (digest: string): string => `blobs/sha256/${hex(digest)}`;

/** `chainID parent depth link|copy` a line, parents first; a `-` stands for no parent, as sh loses empty fields. */
export const layerList = (images: readonly CapturedImage[]): string =>
  distinctLayers(images)
    .map(({ chainId, parent, depth, sandbox }) => `${chainId} ${parent ?? '-'} ${depth} ${sandbox ? 'copy' : 'link'}\n`)
    .join('');

/** `name digest topChainID` a line, the sandbox image first; the same for the same images in any order. */
export const nameList = (images: readonly CapturedImage[]): string =>
  images
    .flatMap(({ names, digest, layers, sandbox }) =>
      names.map((name) => ({ sandbox, line: `${name} ${digest} ${layers.at(-1)?.chainId ?? '-'}\n` })),
    )
    .sort((a, b) => Number(b.sandbox) - Number(a.sandbox) || (a.line < b.line ? -1 : 1))
    .map(({ line }) => line)
    .join('');

/** Text of preload.json; `checksums` by path on the volume. `complete` stands last, so that a cut file does not have it. */
export const contentsFile = (contents: Contents, checksums: Record<string, string>): string => {
  const { set, version, created, platform, uuid, images } = contents;
  const head = { format: FORMAT, set, version, created, platform, snapshotter: SNAPSHOTTER, uuid };
  return `${JSON.stringify({ ...head, checksums, images, complete: true }, null, 2)}\n`;
};
