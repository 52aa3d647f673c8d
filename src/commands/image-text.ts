import { loadAll, YAMLException } from 'js-yaml';
import type { PreloadError } from '../model/errors.ts';
import { imagesInManifest } from '../model/manifest-images.ts';
import { quoted } from '../model/parse.ts';
import { formatBytes } from '../model/units.ts';

/** What stands in a file where an image is expected. */
interface Entry {
  /** `document 3, spec.containers[0].image` or `line 3` */
  place: string;
  value?: unknown;
  /** only pods on Windows use it */
  windows?: boolean;
  /** why the whole document cannot be used; follows the place */
  problem?: string;
}

const MAX_DOCUMENT = 8 * 1024 ** 2; // bytes of YAML; parsed, it can take a hundred times as much memory
const MAX_ALIASES = 1000;
const MAX_DEPTH = 100;

/** Yields what stands for images in `text`: a list with one image per line, or manifests as YAML or JSON. */
export const entriesIn = (text: string): Iterable<Entry> => {
  const isBracketed = /^\s*(?:\{(?!\{)|\[)/.test(text);
  const json = isBracketed ? parsedJson(text) : undefined;
  if (json !== undefined) return entriesOf(json, 'document 1');
  return isBracketed || MANIFEST.test(text) ? inDocuments(text) : inLines(text);
};

/** Undefined if it is not JSON: YAML can have brackets, too. */
const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** A line with a field, such as `kind: Pod`, or a separator. In a list, a colon is followed by a tag. */
const MANIFEST = /^[ \t]*(?:-[ \t]+)*["']?[\w./$-]+["']?:(?:[ \t]|\r?$)|^---/m;

const inLines = function* (text: string): Generator<Entry> {
  for (const [index, line] of text.split('\n').entries()) {
    const value = line.replace(/(^|\s)#.*/, '').trim();
    if (value) yield { place: `line ${index + 1}`, value };
  }
};

const inDocuments = function* (text: string): Generator<Entry> {
  let number = 0;
  let line = 0;
  for (const part of parts(text)) {
    if (HAS_CONTENT.test(part)) {
      number += 1;
      yield* inDocument(part, `document ${number}`, line);
    }
    line += part.split('\n').length - 1;
  }
};

/** A line that is neither a comment nor only a separator. */
const HAS_CONTENT = /^(?!---[ \t\r]*(?:#|$))[ \t]*[^\s#]/m;

/** Each document with its separator. Parsed one by one, large files take little memory, and a bad document spoils no other. */
const parts = function* (text: string): Generator<string> {
  let start = 0;
  for (const { index } of text.matchAll(/^---(?=\s|$)/gm)) {
    if (index > start) yield text.slice(start, index);
    start = index;
  }
  yield text.slice(start);
};

/** `line` is how many lines come before the document. */
const inDocument = (text: string, place: string, line: number): Entry[] => {
  if (text.length > MAX_DOCUMENT) {
    return [{ place, problem: ` has more than ${formatBytes(MAX_DOCUMENT)}; split it, or use JSON` }];
  }
  try {
    const documents = loadAll(text, { json: true, maxAliases: MAX_ALIASES, maxDepth: MAX_DEPTH });
    return documents.flatMap((document) => entriesOf(document, place));
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const template = UNRENDERED.exec(text);
    if (template) {
      const at = line + text.slice(0, template.index).split('\n').length;
      return [{ place, problem: `, line ${at} has a template that was not rendered: ${quoted(template[1])}` }];
    }
    // not its message, which quotes lines: they may be those of a Secret
    const at = error.mark ? `, line ${line + error.mark.line + 1}` : '';
    return [{ place, problem: `${at} is not valid YAML: ${error.reason}` }];
  }
};

/** Outside of quotes, as a value or a line. */
const UNRENDERED = /^(?:.*:|[ \t]*-)?[ \t]*(\{\{.*)/m;

const entriesOf = (document: unknown, place: string): Entry[] => {
  try {
    return imagesInManifest(document).map((image) => ({ ...image, place: `${place}, ${image.path}` }));
  } catch (error) {
    return [{ place, problem: ` ${(error as PreloadError).message}` }];
  }
};
