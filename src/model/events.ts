import * as v from 'valibot';
import { CONTENTS } from './contents.ts';
import { CAPTURED_IMAGE } from './image.ts';
import { FLAG, list, object, parse, parseJson, SIZE, TEXT } from './parse.ts';
import { PLAN_SUMMARY } from './plan.ts';
import { RECORDED_LISTS } from './record.ts';
import { VERIFICATION, VERIFY_PROGRESS } from './verification.ts';

const MAX_LARGEST = 10;

const COUNT = object({ done: SIZE, total: SIZE });

/** An event of the loader pod, one JSON line each on its standard output. */
const EXPORT_EVENT = v.variant('type', [
  object({ type: v.literal('plan'), plan: PLAN_SUMMARY }),
  object({ type: v.literal('progress'), images: COUNT, bytes: COUNT }),
  object({ type: v.literal('image'), image: CAPTURED_IMAGE }),
  object({ type: v.literal('warning'), message: TEXT }),
  object({ type: v.literal('skipped'), name: TEXT, reason: TEXT, usedBy: v.exactOptional(TEXT) }),
  /** comes before `sealed`, and again with it, in case a node drops the log with what was reported image by image */
  object({ type: v.literal('recorded'), lists: RECORDED_LISTS }),
  object({
    type: v.literal('sealed'),
    contents: v.omit(CONTENTS, ['images']),
    layers: SIZE,
    usedBytes: SIZE,
    readOnly: FLAG,
  }),
  /** nothing was written: the volume must have at least `size` bytes; `largest` are images with their sizes */
  object({ type: v.literal('too-small'), size: SIZE, largest: list(TEXT, MAX_LARGEST) }),
  object({ type: v.literal('failed'), message: TEXT, hint: v.exactOptional(TEXT) }),
  /** `verify` only */
  object({ type: v.literal('verifying'), ...VERIFY_PROGRESS.entries }),
  object({ type: v.literal('verified'), verification: VERIFICATION }),
]);

export type ExportEvent = v.InferOutput<typeof EXPORT_EVENT>;

/** An event numbered from 1, so that reading the log again after a broken connection handles no event twice. */
const NUMBERED_EVENT = v.intersect([EXPORT_EVENT, object({ seq: SIZE })]);

export type NumberedEvent = v.InferOutput<typeof NUMBERED_EVENT>;

const PROGRESS_INTERVAL = 250;

/** Returns a function that says whether it is time to report progress again; it gets the time in milliseconds. */
export const progressThrottle = () => {
  let last = 0;
  return (now: number): boolean => {
    if (now - last < PROGRESS_INTERVAL) return false;
    last = now;
    return true;
  };
};

export const encodeEvent = (event: NumberedEvent): string => JSON.stringify(event);

/** The event on `line`, or undefined for any other line, such as a warning from the runtime. */
export const decodeEvent = (line: string): NumberedEvent | undefined => {
  if (!line.startsWith('{')) return undefined;
  try {
    return parse(NUMBERED_EVENT, parseJson(line));
  } catch {
    return undefined;
  }
};
