import { PreloadError } from '../../model/errors.ts';
import { quoted } from '../../model/parse.ts';
import type { Bucket } from './bolt.ts';

// Each takes an entry out of a bucket, so that in the end everything nobody expected is left.

/** The value of `key`, as Latin-1; undefined if it is missing. */
export const take = (bucket: Bucket, key: string): string | undefined => {
  const entry = bucket.entries.get(key);
  if (!Buffer.isBuffer(entry)) return undefined;
  bucket.entries.delete(key);
  return entry.toString('latin1');
};

/** The number at `key`, as Go writes it. */
export const takeUnsigned = (bucket: Bucket, key: string): number | undefined => {
  const bytes = Buffer.from(take(bucket, key) ?? '', 'latin1');
  const isNumber =
    bytes.length > 0 && bytes.length < 8 && bytes.every((byte, at) => byte > 0x7f === at < bytes.length - 1);
  return isNumber ? bytes.reduceRight((sum, byte) => sum * 0x80 + (byte & 0x7f), 0) : undefined;
};

/** The same for a number that could be negative, but never is. */
export const takeSigned = (bucket: Bucket, key: string): number | undefined => {
  const number = takeUnsigned(bucket, key);
  return number === undefined ? undefined : number / 2;
};

/** The bucket at `key`; an empty one if it is missing. */
export const open = (bucket: Bucket, key: string): Bucket => {
  const entry = bucket.entries.get(key);
  if (entry === undefined || Buffer.isBuffer(entry)) return { sequence: 0n, entries: new Map() };
  bucket.entries.delete(key);
  return entry;
};

/** Drops when an entry was made. */
export const dropTimes = (bucket: Bucket): void => {
  take(bucket, 'createdat');
  take(bucket, 'updatedat');
};

/** Takes the labels: exactly those in `labels`, and perhaps those in `optional`. Throws PreloadError. */
export const takeLabels = (
  bucket: Bucket,
  owner: string,
  labels: Readonly<Record<string, string>>,
  optional: Readonly<Record<string, string>> = {},
): void => {
  const found = open(bucket, 'labels');
  for (const [key, value] of Object.entries(labels)) same(take(found, key), value, `label ${key} of ${owner}`);
  for (const [key, value] of Object.entries(optional)) {
    const text = take(found, key);
    if (text !== undefined) same(text, value, `label ${key} of ${owner}`);
  }
  nothingLeft(found, `labels of ${owner}`);
};

/** Throws PreloadError if `found` is not what is expected. */
export const same = <T extends string | number>(found: T | undefined, expected: T, what: string): void => {
  if (found !== expected) throw new PreloadError(`${what} is ${quoted(found)} instead of ${quoted(expected)}`);
};

/** Throws PreloadError if a bucket still holds a value, at any depth. */
export const nothingLeft = (bucket: Bucket, owner: string): void => {
  for (const [key, entry] of bucket.entries) {
    if (Buffer.isBuffer(entry))
      throw new PreloadError(`it holds ${quoted(key)} in ${owner}, which is not on the volume`);
    nothingLeft(entry, `${key} in ${owner}`.slice(0, MAX_OWNER));
  }
};

const MAX_OWNER = 200;
