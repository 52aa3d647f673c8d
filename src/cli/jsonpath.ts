import { PreloadError } from '../model/errors.ts';

// The part of kubectl's JSONPath templates that has one meaning in all its versions. Anything else is an error, because a
// wrong answer would go unnoticed in a script.

/** A step into a value: a field, an item, or all items. */
type Step = { field: string } | { item: number } | { all: true };

type Part = { text: string } | { path: Step[] } | { range: Step[]; body: Part[] };

export type JsonPath = readonly Part[];

export const SUPPORTED = 'fields (.a.b), [*], [0], {range}…{end} and quoted text ({"\\n"}) are supported';

/** Parses a template such as `{range .items[*]}{.name}{"\n"}{end}`. Throws Error that says what is wrong. */
export const parseJsonPath = (template: string): JsonPath => {
  const tokens = [...template.matchAll(TOKEN)].map(([token]) => token);
  const { parts, rest } = parseParts(tokens, false);
  if (rest.length > 0) throw unsupported('{end} without {range}');
  return parts;
};

/** Text outside of braces, or a pair of braces with what is in it, in which quoted text may have braces. */
const TOKEN = /[^{]+|\{(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^{}"'])*\}|\{.*/gs;

const parseParts = (tokens: readonly string[], inRange: boolean): { parts: Part[]; rest: readonly string[] } => {
  const parts: Part[] = [];
  let rest = tokens;
  for (;;) {
    const [token, ...others] = rest;
    if (token === undefined) {
      if (inRange) throw unsupported('{range} without {end}');
      return { parts, rest };
    }
    if (!token.startsWith('{')) {
      parts.push({ text: token });
      rest = others;
      continue;
    }
    if (!token.endsWith('}') || token === '{') throw unsupported(`unclosed action ${token}`);
    const action = token.slice(1, -1).trim();
    if (action === 'end') return inRange ? { parts, rest: others } : { parts, rest };
    const range = /^range\s+(.*)$/s.exec(action)?.[1];
    if (range !== undefined) {
      const inner = parseParts(others, true);
      parts.push({ range: parsePath(range), body: inner.parts });
      rest = inner.rest;
    } else {
      parts.push(...parseAction(action));
      rest = others;
    }
  }
};

const QUOTED = /^(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)')/s;

/** What is in a pair of braces: quoted text, or a path. */
const parseAction = (action: string): Part[] => {
  const quoted = QUOTED.exec(action);
  if (!quoted) return [{ path: parsePath(action) }];
  if (quoted[0].length < action.length) throw unsupported(`{${action}}`);
  return [{ text: withoutEscapes(quoted[1] ?? quoted[2] ?? '', action) }];
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" };

const withoutEscapes = (text: string, action: string): string =>
  text.replace(/\\(.)/gs, (_, letter: string) => {
    const found = ESCAPES[letter];
    if (found === undefined) throw unsupported(`\\${letter} in {${action}}`);
    return found;
  });

const STEP = /^(?:\.([A-Za-z_][\w-]*)|\['([^'\\]+)'\]|\[(\d+)\]|\[(\*)\])/;

const parsePath = (text: string): Step[] => {
  if (!text) throw unsupported('{}');
  const steps: Step[] = [];
  let rest = text.replace(/^[$@]/, ''); // both are the current value
  while (rest) {
    const match = STEP.exec(rest);
    if (!match) throw unsupported(`{${text}}`);
    const [whole, name, key, item, all] = match;
    const field = name ?? key;
    if (field !== undefined) steps.push({ field });
    else steps.push(all ? { all: true } : { item: Number(item) });
    rest = rest.slice(whole.length);
  }
  return steps;
};

const unsupported = (what: string): Error => new Error(`${what} is not supported; ${SUPPORTED}`);

/** The text that kubectl would print for `value`. Throws PreloadError if a step does not fit the value. */
export const evaluateJsonPath = (parts: JsonPath, value: unknown): string =>
  parts
    .map((part) => {
      if ('text' in part) return part.text;
      if ('path' in part) return follow(part.path, value).map(print).join(' ');
      return follow(part.range, value)
        .map((each) => evaluateJsonPath(part.body, each))
        .join('');
    })
    .join('');

const follow = (steps: readonly Step[], value: unknown): unknown[] =>
  steps.reduce((values: unknown[], step) => values.flatMap((each) => into(step, each)), [value]);

const into = (step: Step, value: unknown): unknown[] => {
  if (value === undefined || value === null) return [];
  if ('field' in step) {
    const isObject = typeof value === 'object' && !Array.isArray(value);
    if (!isObject || !Object.hasOwn(value, step.field)) return [];
    const found: unknown = Object.entries(value).find(([name]) => name === step.field)?.[1];
    return found === undefined ? [] : [found];
  }
  if (!Array.isArray(value)) throw new PreloadError(`${shortened(value)} is not a list`, 'see the fields with -o json');
  const items: unknown[] = value;
  if ('all' in step) return items;
  if (step.item >= items.length)
    throw new PreloadError(
      `a list has ${items.length} items, so there is no item ${step.item}`,
      'see them with -o json',
    );
  return [items[step.item]];
};

const MAX_SHOWN = 60;

const shortened = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
};

const print = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return String(value);
  return goJson(value);
};

/** Compact JSON as Go writes it: keys in order, and nothing that HTML treats specially. */
const goJson = (value: unknown): string => {
  const text = JSON.stringify(value, (_, each: unknown) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return text.replace(/[<>&\u2028\u2029]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
};
