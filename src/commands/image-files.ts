import { load, YAMLException } from 'js-yaml';
import { PreloadError } from '../model/errors.ts';
import { type ImageReference, imageName, isExcluded, parseImage, referenceProblem } from '../model/image-reference.ts';
import { imagesInManifest, type ManifestImage } from '../model/manifest-images.ts';
import { quoted } from '../model/parse.ts';
import { formatBytes } from '../model/units.ts';

/** What was found in files that the user specified. */
export interface FileImages {
  /** by name */
  images: Map<string, FileImage>;
  /** what is not an image reference, with where it is */
  problems: string[];
  /** names of images that only pods on Windows use */
  windows: Set<string>;
}

interface FileImage {
  name: ImageReference;
  /** names of the files that have it */
  files: string[];
}

interface FoundText {
  /** `document 3, spec.containers[0].image` or `line 3` */
  place: string;
  value: unknown;
  windows?: boolean;
}

const MAX_DOCUMENT = 8 * 1024 ** 2; // bytes of YAML; parsed, it can take a hundred times as much memory
const MAX_ALIASES = 1000;
const MAX_DEPTH = 100;

export const noFileImages = (): FileImages => ({ images: new Map(), problems: [], windows: new Set() });

/**
 * Adds the images in `text`, which is a list with one image per line, or manifests as YAML or JSON. Throws PreloadError if it
 * cannot be parsed, or contains no images.
 */
export const addImages = (text: string, file: string, exclude: readonly string[], found: FileImages): void => {
  let count = 0;
  for (const { place, value, windows } of textsIn(text, file)) {
    count += 1;
    const name = typeof value === 'string' ? parseImage(value.trim()) : undefined;
    if (!name) {
      const isExcludedText = typeof value === 'string' && exclude.some((prefix) => value.startsWith(prefix));
      if (!isExcludedText) found.problems.push(`${file}: ${place}: ${problemOf(value)}`);
    } else if (!isExcluded(name, exclude)) {
      const key = imageName(name);
      const files = found.images.get(key)?.files ?? [];
      if (windows) found.windows.add(key);
      else found.images.set(key, { name, files: files.at(-1) === file ? files : [...files, file] });
    }
  }
  if (count === 0) throw new PreloadError(`${file} contains no images`, NO_IMAGES);
};

const NO_IMAGES = 'specify manifests with containers, or a list with one image per line';

const problemOf = (value: unknown): string => {
  if (typeof value !== 'string') return `${quoted(value)} is not an image reference`;
  const problem = referenceProblem(value);
  if (problem !== NOT_A_REFERENCE) return `${quoted(value)}: ${problem}`;
  const unfilled = PLACEHOLDER.test(value) ? '; its placeholder was not replaced' : '';
  return `${quoted(value)} is ${NOT_A_REFERENCE}${unfilled}`;
};

const NOT_A_REFERENCE = 'not an image reference';
const PLACEHOLDER = /\{\{|\$[{(\w]/;

const textsIn = (text: string, file: string): Iterable<FoundText> => {
  const json = /^\s*[{[]/.test(text) ? parsedJson(text) : undefined;
  if (json !== undefined) return ofDocument(json, 1, file);
  return MANIFEST.test(text) ? ofDocuments(text, file) : ofLines(text);
};

/** Undefined if it is not JSON: YAML may start with a bracket, too. */
const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** A line with a field, such as `kind: Pod`; in a list, a colon is followed by a tag. */
const MANIFEST = /^[ \t]*(?:-[ \t]+)*["']?[\w./$-]+["']?:(?:[ \t]|\r?$)|^---/m;

const ofLines = function* (text: string): Generator<FoundText> {
  for (const [index, line] of text.split('\n').entries()) {
    const value = line.replace(/(^|\s)#.*/, '').trim();
    if (value) yield { place: `line ${index + 1}`, value };
  }
};

const ofDocuments = function* (text: string, file: string): Generator<FoundText> {
  let number = 0;
  let line = 0;
  for (const part of text.split(/^(?=---(?:\s|$))/m)) {
    if (/^(?!---\s*$)\s*[^\s#]/m.test(part)) {
      number += 1;
      yield* ofDocument(parsedYaml(part, { file, number, line }), number, file);
    }
    line += part.split('\n').length - 1;
  }
};

const ofDocument = (document: unknown, number: number, file: string): FoundText[] => {
  const place = ({ path }: ManifestImage): string => `document ${number}, ${path}`;
  try {
    return imagesInManifest(document).map((image) => ({ ...image, place: place(image) }));
  } catch (error) {
    throw new PreloadError(`${file}: document ${number} ${(error as Error).message}`);
  }
};

/** The value in one YAML document, which starts after `line` lines of the file. Throws without quoting it: it may be a Secret. */
const parsedYaml = (text: string, { file, number, line }: { file: string; number: number; line: number }): unknown => {
  if (text.length > MAX_DOCUMENT) {
    throw new PreloadError(
      `${file}: document ${number} has more than ${formatBytes(MAX_DOCUMENT)}`,
      'split it, or use JSON',
    );
  }
  try {
    return load(text, { json: true, maxAliases: MAX_ALIASES, maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const where = error.mark ? `line ${line + error.mark.line + 1}` : `document ${number}`;
    const remedy = text.includes('{{') ? 'render templates first, such as with: helm template' : 'check --from-file';
    throw new PreloadError(`${file}: ${where} is not valid YAML: ${error.reason}`, remedy);
  }
};
