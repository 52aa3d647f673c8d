import { MAX_NAME, nameProblem } from './names.ts';

// A preload that is renewed has a name for each time: a prefix that ends with "-", the time, and an architecture if there are
// several, such as nightly-20261127-013000-arm64.

/** Whether `name` stands for the newest preload with this prefix. */
export const isPrefix = (name: string): boolean => name.endsWith('-');

/** The name of a preload with `prefix` that is created now; `now` in milliseconds. */
export const generatedName = (prefix: string, now: number): string => {
  const [date = '', time = ''] = new Date(now).toISOString().split('T');
  return `${prefix}${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`;
};

const TIME = '-20261127-013000'.length;

/** Why `prefix` is not valid for generated names, or undefined if it is. */
export const prefixProblem = (prefix: string): string | undefined => {
  const longest = MAX_NAME - TIME + 1;
  if (!isPrefix(prefix)) return 'must end with "-"';
  if (prefix.length > longest) return `must be at most ${longest} characters`;
  return nameProblem(prefix.slice(0, -1));
};

const GENERATION = /^\d+(-\d+)*(-[a-z][a-z0-9]*)?$/;

/** The prefix of a name with a number or time, such as `nightly-`; undefined if it has none. */
export const prefixOf = (name: string): string | undefined => {
  const ends = [...name.matchAll(/-/g)].map(({ index }) => index + 1);
  return ends.map((end) => name.slice(0, end)).find((prefix) => hasPrefix(name, prefix));
};

/** Whether `name` is `prefix` and a number or time: nightly-gpu-20261127-013000 has the prefix nightly-gpu-, not nightly-. */
export const hasPrefix = (name: string, prefix: string): boolean =>
  name.startsWith(prefix) && GENERATION.test(name.slice(prefix.length));

/** Compares two preloads. */
export const newestFirst = (a: Preload, b: Preload): number =>
  Date.parse(b.created) - Date.parse(a.created) || (a.name < b.name ? 1 : -1);

interface Preload {
  name: string;
  /** RFC 3339 */
  created: string;
}
