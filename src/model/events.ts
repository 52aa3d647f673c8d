import type { Contents } from './contents.ts';
import type { CapturedImage } from './image.ts';
import type { PlanSummary } from './plan.ts';
import type { Verification, VerifyProgress } from './verification.ts';

interface Count {
  done: number;
  total: number;
}

/** An event of the loader pod, one JSON line each on its standard output. */
export type ExportEvent =
  | { type: 'plan'; plan: PlanSummary }
  | { type: 'progress'; images: Count; bytes: Count }
  | { type: 'image'; image: CapturedImage }
  | { type: 'warning'; message: string }
  | { type: 'skipped'; name: string; reason: string; usedBy?: string }
  | { type: 'sealed'; contents: Omit<Contents, 'images'>; layers: number; usedBytes: number; readOnly: boolean }
  /** nothing was written: the volume must have at least `size` bytes */
  | { type: 'too-small'; size: number }
  | { type: 'failed'; message: string; hint?: string }
  /** `verify` only */
  | ({ type: 'verifying' } & VerifyProgress)
  | { type: 'verified'; verification: Verification };

/** An event numbered from 1, so that reading the log again after a broken connection handles no event twice. */
export type NumberedEvent = ExportEvent & { seq: number };

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
    const value = JSON.parse(line) as Partial<NumberedEvent>;
    return typeof value.seq === 'number' && typeof value.type === 'string' ? (value as NumberedEvent) : undefined;
  } catch {
    return undefined;
  }
};
