import type { Contents } from '../../model/contents.ts';
import type { CapturedImage, CapturedLayer } from '../../model/image.ts';
import { imageName, parseImage } from '../../model/image-reference.ts';
import { LAYOUTS, type Layout, SNAPSHOTTER } from '../../model/layout.ts';
import { isDigest } from '../../model/oci.ts';
import { CONTENTS_FILE, FORMAT } from '../format.ts';
import type { Problems } from './problems.ts';
import { readText } from './read.ts';

/** preload.json as it is on a volume. */
export type VolumeContents = Contents & { checksums: Record<string, string> };

/** Reads preload.json; undefined if it is missing or invalid, which is added to `problems`. */
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
  if (text !== `${JSON.stringify(contents, null, 2)}\n`) wrong('is not formatted as restore.sh expects');
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

/** Why this version cannot use this preload.json, or undefined if it can. */
const contentsProblem = (contents: Record<string, unknown> | undefined): string | undefined => {
  if (contents?.complete !== true) return 'is truncated or damaged';
  const { format, layout, snapshotter, platform, set, checksums, images } = contents;
  if (format !== FORMAT) return `has format ${JSON.stringify(format)}; this version supports format ${FORMAT}`;
  if (snapshotter !== SNAPSHOTTER)
    return `is for snapshotter ${JSON.stringify(snapshotter)}; this version supports ${SNAPSHOTTER}`;
  if (!LAYOUTS.includes(layout as Layout)) return 'layout is missing or unknown';
  if (!isText(platform, /^linux\/\w+(\/\w+)?$/)) return 'platform is missing or invalid';
  if (!isText(set, /^[0-9a-f]{12}$/)) return 'set is missing or invalid';
  if (!isObject(checksums) || !Object.values(checksums).every(isDigest)) return 'checksums are missing or invalid';
  if (!Array.isArray(images) || images.length === 0) return 'has no images';
  const invalid = images.findIndex((image) => !isImage(image));
  return invalid < 0 ? undefined : `image ${invalid + 1} is invalid`;
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
