import * as v from 'valibot';
import { PreloadError } from './errors.ts';

// The boundary: everything that strangers wrote passes through a schema made of these. Types are inferred from the schemas,
// so that the two cannot drift apart. valibot, because only the checks in use end up in the bundle.

/** Returns what `schema` makes of untrusted `value`. Throws PreloadError: `invalid layers.3.size -1: must be …`. */
export const parse = <S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> => {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new PreloadError(describeIssue(result.issues[0]));
};

/** The JSON value in `text`. Throws PreloadError if it has none. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new PreloadError('is not JSON');
  }
};

/** Whether untrusted `value` is as `schema` says. */
export const matches = <S extends v.GenericSchema>(schema: S, value: unknown): value is v.InferInput<S> =>
  v.is(schema, value);

const MAX_QUOTED = 100;
const MAX_MESSAGE = 500;
const MISSING = 'is missing';

const describeIssue = (issue: v.BaseIssue<unknown>): string => {
  const path = v.getDotPath(issue);
  const what = [...(path ? [path] : []), quoted(issue.input)].join(' ');
  const message = issue.message === MISSING ? `has no ${path}` : `invalid ${what}: ${issue.message}`;
  return plain(message).slice(0, MAX_MESSAGE);
};

/** Untrusted text for a message: short, and without control characters. */
export const quoted = (value: unknown): string => plain(String(JSON.stringify(value)).slice(0, MAX_QUOTED));

/** Replaces everything that a terminal would not show as it is, such as escape sequences. */
export const plain = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');

const MAX_TEXT = 4096;

/** An object with these fields; drops all others. */
export const object = <E extends v.ObjectEntries>(entries: E) =>
  v.object(entries, ({ expected }) => (expected?.startsWith('"') ? MISSING : 'must be an object'));

/** Any object. */
export const OBJECT = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** A list of at most `most` items. */
export const list = <S extends v.GenericSchema>(item: S, most: number) =>
  v.pipe(v.array(item, 'must be an array'), v.maxLength(most, `must have at most ${most} items`));

/** A line of text: no control characters, at most 4096 characters. */
export const LINE = v.pipe(
  v.string('must be text'),
  v.maxLength(MAX_TEXT, `must have at most ${MAX_TEXT} characters`),
  v.check((text) => plain(text) === text, 'must have no control characters'),
);

/** Text that may have several lines; everything else that a terminal would not show as it is, is replaced. */
export const TEXT = v.pipe(
  v.string('must be text'),
  v.transform((text) => text.split('\n').map(plain).join('\n')),
);

const WRONG_DIGEST = 'must be sha256: and 64 lower-case hex digits';

export const DIGEST = v.pipe(v.string(WRONG_DIGEST), v.regex(/^sha256:[0-9a-f]{64}$/, WRONG_DIGEST));

const WRONG_SIZE = 'must be a whole number of bytes';

/** Bytes, or any other count. */
export const SIZE = v.pipe(v.number(WRONG_SIZE), v.safeInteger(WRONG_SIZE), v.minValue(0, WRONG_SIZE));

export const FLAG = v.boolean('must be true or false');

/** As deep as any image that containerd can mount, and then some. */
export const MAX_LAYERS = 1000;
