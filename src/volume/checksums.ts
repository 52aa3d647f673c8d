import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../model/oci.ts';
import { BOOT, CONTENTS_FILE } from './format.ts';
import { placeOf } from './place.ts';

/**
 * `hex  path` per line, the format of sha256sum. Lists all files except layers, which are in LAYER_SUMS, and blobs, whose
 * names are their checksums.
 */
export const FILE_SUMS = 'verify/files';
/** `chainID digest` per line: the tree digests of all layers. */
export const LAYER_SUMS = 'verify/layers';

const NOT_LISTED = ['layers', 'blobs', 'lost+found', BOOT, FILE_SUMS];

/** Sorted paths of everything on the volume except folders, layers and blobs. Does not follow links. */
export const otherFiles = async (volume: string, folder = ''): Promise<string[]> => {
  const entries = await readdir(join(volume, folder), { withFileTypes: true });
  const paths = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (NOT_LISTED.includes(path)) return [];
      return entry.isDirectory() ? otherFiles(volume, path) : [path];
    }),
  );
  return paths.flat().sort();
};

/** Digest of a file, read in pieces. */
export const digestFile = async (path: string, onBytes: (count: number) => void = () => {}): Promise<string> => {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(piece);
    onBytes(piece.length);
  }
  return `sha256:${hash.digest('hex')}`;
};

/**
 * Writes the checksums for verify. Everything except preload.json must be on the volume; `contents` is the text of
 * preload.json, `layers` the tree digests by chain ID. Returns a digest that covers the whole volume.
 */
export const writeChecksums = async (
  volume: string,
  layers: ReadonlyMap<string, string>,
  contents: string,
): Promise<string> => {
  await mkdir(join(volume, 'verify'), { recursive: true });
  await writeFile(
    join(volume, LAYER_SUMS),
    [...layers]
      .map((line) => `${line.join(' ')}\n`)
      .sort()
      .join(''),
  );
  const sums = new Map([[CONTENTS_FILE, digestOf(contents)]]);
  const paths = (await otherFiles(volume)).filter((path) => ![CONTENTS_FILE, placeOf(CONTENTS_FILE)].includes(path));
  for (const path of paths) sums.set(path, await digestFile(join(volume, path)));
  const list = [...sums]
    .map(([path, digest]) => `${digest.slice('sha256:'.length)}  ${path}\n`)
    .sort()
    .join('');
  await writeFile(join(volume, FILE_SUMS), list);
  return digestOf(list);
};

/** Parses FILE_SUMS: digests by path. A damaged line counts as a path without a digest, so that it is noticed. */
export const parseFileSums = (text: string): Map<string, string> =>
  new Map(
    lines(text).map((line): [string, string] => {
      const [, hex, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
      return hex && path ? [path, `sha256:${hex}`] : [line, ''];
    }),
  );

/** Parses LAYER_SUMS: digests by chain ID. */
export const parseLayerSums = (text: string): Map<string, string> =>
  new Map(lines(text).map((line) => line.split(' ') as [string, string]));

const lines = (text: string): string[] => text.split('\n').filter(Boolean);
