import * as v from 'valibot';
import { DIGEST, LINE, list, object, SIZE } from './parse.ts';

const MANY = 1_000_000;

/** Something on a volume that differs from what was captured. The texts may contain anything. */
const PROBLEM = object({
  /** relative to the volume */
  path: v.string(),
  problem: v.string(),
  /** one name of each affected image; undefined if the whole volume is affected */
  images: v.exactOptional(list(v.string(), MANY)),
});

export type Problem = v.InferOutput<typeof PROBLEM>;

/** Result of checking a volume. */
export const VERIFICATION = object({
  /** ID of the contents; undefined if preload.json is missing or invalid */
  set: v.exactOptional(LINE),
  images: SIZE,
  layers: SIZE,
  blobs: SIZE,
  /** bytes read and compared */
  bytes: SIZE,
  /** digest of the list of checksums, covers the whole volume; undefined if the list is missing */
  checksum: v.exactOptional(DIGEST),
  problems: list(PROBLEM, MANY),
});

export type Verification = v.InferOutput<typeof VERIFICATION>;

/** Progress of a verification. */
export const VERIFY_PROGRESS = object({
  layers: object({ done: SIZE, total: SIZE }),
  /** read so far */
  bytes: SIZE,
});

export type VerifyProgress = v.InferOutput<typeof VERIFY_PROGRESS>;

/** A verification as shown to users; the schema of `-o json` and `-o yaml`. */
export interface VerificationResult extends Verification {
  /** the preload, or the path of a mounted volume */
  name: string;
  namespace?: string;
  snapshotId?: string;
  valid: boolean;
  seconds: number;
}
