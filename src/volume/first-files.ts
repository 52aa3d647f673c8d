import type { CapturedImage } from '../model/image.ts';
import { documentsOf, type ImageDocuments, namesOf, ociIndex } from './archives.ts';
import {
  BLOB_LIST,
  blobList,
  CONTENTS_FILE,
  HOT_LIST,
  imagesArchive,
  imagesArchives,
  LAYER_LIST,
  layerList,
  NAME_LIST,
  nameList,
  RESTORE_SCRIPT,
  SEED,
} from './format.ts';
import type { HotFile } from './hot-list.ts';
import { restoreScript } from './restore/script.ts';

// bytes, high rather than low: what is too much is given back, what is missing is far away
const PER_FILE = 4096; // heads and ends
const PER_DOCUMENT = 1024; // head in an archive, and padding
const PER_HOT_FILE = 80; // layer and size
const PER_NAME_IN_SEED = 12 * 1024; // in a database, whose pages are half full
const PER_LAYER_IN_SEED = 4096; // the same, and a folder and a link in the archive
const SEED_FRAME = 512 * 1024; // databases and folders without entries

/** Files of an older capture whose places a new one keeps. Without preload.json a volume is unfinished, so it is the first. */
export const READ_FIRST = [
  ...[CONTENTS_FILE, RESTORE_SCRIPT, LAYER_LIST, NAME_LIST, BLOB_LIST, HOT_LIST],
  ...[imagesArchive(), SEED],
];

interface Expected {
  images: readonly CapturedImage[];
  /** the same with their documents */
  captured: readonly ImageDocuments[];
  hotFiles: readonly HotFile[];
  withScript: boolean;
  withSeed: boolean;
}

/** About how many bytes the files will have that restore.sh reads, by path, in the order in which it reads them. */
export const firstFiles = ({ images, captured, hotFiles, withScript, withSeed }: Expected): Map<string, number> => {
  const archives = [...imagesArchives(images)].map(([path, platform]): [string, number] => {
    const archived = captured.filter((image) => image.platform === platform);
    return [path, archiveBytes(archived)];
  });
  const layers = layerList(images);
  const inSeed = captured.flatMap(({ names }) => names).length * PER_NAME_IN_SEED + lines(layers) * PER_LAYER_IN_SEED;
  const sizes: [string, number][] = [
    [RESTORE_SCRIPT, withScript ? Buffer.byteLength(restoreScript) : 0],
    [CONTENTS_FILE, PER_FILE + Buffer.byteLength(JSON.stringify({ images }, null, 2))],
    [LAYER_LIST, layers.length],
    [NAME_LIST, nameList(images).length],
    [BLOB_LIST, blobList(images).length],
    [HOT_LIST, hotFiles.reduce((sum, { path }) => sum + PER_HOT_FILE + Buffer.byteLength(path), 0)],
    ...archives,
    [SEED, withSeed ? SEED_FRAME + archiveBytes(captured) + inSeed : 0],
  ];
  return new Map(sizes.filter(([, bytes]) => bytes > 0));
};

const archiveBytes = (captured: readonly ImageDocuments[]): number => {
  const documents = new Map(captured.flatMap(documentsOf).map(({ digest, data }) => [digest, data.length]));
  const bytes = [...documents.values()].reduce((sum, length) => sum + PER_DOCUMENT + length, 0);
  return PER_FILE + Buffer.byteLength(ociIndex(captured.flatMap(namesOf))) + bytes;
};

const lines = (text: string): number => text.split('\n').length - 1;
