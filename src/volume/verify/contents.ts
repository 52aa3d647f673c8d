import type { CapturedImage, CapturedLayer, Contents } from '../../model/contents.ts';
import { imageName, parseImage } from '../../model/image-reference.ts';
import { LAYOUTS, type Layout, SNAPSHOTTER } from '../../model/layout.ts';
import { isDigest } from '../../model/oci.ts';
import { CONTENTS_FILE, FORMAT } from '../format.ts';
import type { Problems } from './problems.ts';
import { readText } from './read.ts';

/** preload.json as it is on a volume. */
export type VolumeContents = Contents & { checksums: Record<string, string> };

/** Reads preload.json; undefined where it does not say what is on the volume. */
export const readContents = async (volume: string, problems: Problems): Promise<VolumeContents | undefined> => {
  const text = await readText(volume, CONTENTS_FILE);
  const wrong = (problem: string) => problems.add(CONTENTS_FILE, problem);
  if (text === undefined) {
    wrong('is missing: the capture did not finish');
    return undefined;
  }
  const contents = parse(text);
  const problem = contentsProblem(contents);
  if (problem) {
    wrong(problem);
    return undefined;
  }
  // restore.sh reads it line by line
  if (text !== `${JSON.stringify(contents, null, 2)}\n`) wrong('is not written in the form that restore.sh reads');
  return contents as unknown as VolumeContents;
};

const parse = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** Why this is not the preload.json of a finished volume that this version knows. */
const contentsProblem = (contents: Record<string, unknown> | undefined): string | undefined => {
  if (contents?.complete !== true) return 'is cut off or damaged';
  const { format, layout, snapshotter, platform, set, checksums, images } = contents;
  if (format !== FORMAT) return `is of format ${JSON.stringify(format)}, this version knows format ${FORMAT}`;
  if (snapshotter !== SNAPSHOTTER) return `is for the snapshotter ${JSON.stringify(snapshotter)}`;
  if (!LAYOUTS.includes(layout as Layout)) return 'names no layout';
  if (!isText(platform, /^linux\/\w+(\/\w+)?$/)) return 'names no platform';
  if (!isText(set, /^[0-9a-f]{12}$/)) return 'names no set';
  if (!isObject(checksums) || !Object.values(checksums).every(isDigest)) return 'has no checksums';
  if (!Array.isArray(images) || images.length === 0) return 'has no images';
  const flawed = images.findIndex((image) => !isImage(image));
  return flawed < 0 ? undefined : `says of image ${flawed + 1} what cannot be`;
};

const SOURCES: CapturedLayer['source'][] = ['volume', 'node', 'blob', 'registry'];

const isImage = (value: unknown): value is CapturedImage => {
  if (!isObject(value)) return false;
  const { names, digest, manifest, config, layers, ...flags } = value;
  return (
    isList(names, isName) &&
    names.length > 0 &&
    [digest, manifest, config].every(isDigest) &&
    isList(layers, isLayer) &&
    ['sandbox', 'system', 'blobs'].every((flag) => typeof flags[flag] === 'boolean')
  );
};

const isLayer = (value: unknown): boolean =>
  isObject(value) &&
  isDigest(value.chainId) &&
  isDigest(value.digest) &&
  Number.isSafeInteger(value.bytes) &&
  SOURCES.includes(value.source as CapturedLayer['source']);

const isName = (value: unknown): boolean => {
  const image = typeof value === 'string' && parseImage(value);
  return image !== undefined && image !== false && imageName(image) === value;
};

const isText = (value: unknown, form: RegExp): boolean => typeof value === 'string' && form.test(value);
const isList = (value: unknown, isItem: (item: unknown) => boolean): value is unknown[] =>
  Array.isArray(value) && value.every(isItem);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
