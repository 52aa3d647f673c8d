import { type ImageReference, imageName, isExcluded, parseImage, referenceProblem } from '../model/image-reference.ts';
import { quoted } from '../model/parse.ts';
import { entriesIn } from './image-text.ts';

/** What was found in files that the user specified. */
export interface FileImages {
  /** by name */
  images: Map<string, FileImage>;
  /** what is not an image reference or cannot be read, with where it is; at most MAX_PROBLEMS */
  problems: string[];
  /** names of images that only pods on Windows use */
  windows: Set<string>;
}

interface FileImage {
  name: ImageReference;
  /** names of the files that have it */
  files: string[];
}

export const MAX_PROBLEMS = 100; // with more, it is probably the wrong file

export const noFileImages = (): FileImages => ({ images: new Map(), problems: [], windows: new Set() });

/** Adds the images in `text`: a list with one image per line, or manifests as YAML or JSON. Returns how many entries it has. */
export const addImages = (text: string, file: string, exclude: readonly string[], found: FileImages): number => {
  let count = 0;
  for (const { place, value, windows, problem = problemOf(value, exclude) } of entriesIn(text)) {
    if (found.problems.length === MAX_PROBLEMS) break;
    count += 1;
    if (problem) found.problems.push(`${file}: ${place}${problem}`);
    const name = referenceIn(value);
    if (!name || isExcluded(name, exclude)) continue;
    const key = imageName(name);
    const files = found.images.get(key)?.files ?? [];
    if (windows) found.windows.add(key);
    else found.images.set(key, { name, files: files.at(-1) === file ? files : [...files, file] });
  }
  return count;
};

const referenceIn = (value: unknown): ImageReference | undefined =>
  typeof value === 'string' ? parseImage(value.trim()) : undefined;

/** Why `value` is not an image reference, with itself; undefined if it is one, or if it is excluded. */
const problemOf = (value: unknown, exclude: readonly string[]): string | undefined => {
  if (referenceIn(value)) return undefined;
  const text = typeof value === 'string' ? value : '';
  if (exclude.some((prefix) => text.startsWith(prefix))) return undefined;
  const unfilled = PLACEHOLDER.test(text) ? '; its placeholder was not replaced' : '';
  const problem = referenceProblem(text);
  return `: ${quoted(value)}${problem.startsWith('not') ? ' is ' : ': '}${problem}${unfilled}`;
};

const PLACEHOLDER = /\{\{|\$[{(\w]/;
