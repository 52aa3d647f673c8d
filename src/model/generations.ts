// A preload that is renewed has a name for each time: a prefix that ends with "-", the time, and an architecture if there are
// several, such as nightly-20261127-013000-arm64.

/** Whether `name` stands for the newest preload with this prefix. */
export const isPrefix = (name: string): boolean => name.endsWith('-');

/** The name of a preload with `prefix` that is created now; `now` in milliseconds. */
export const generatedName = (prefix: string, now: number): string => {
  const [date = '', time = ''] = new Date(now).toISOString().split('T');
  return `${prefix}${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`;
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
