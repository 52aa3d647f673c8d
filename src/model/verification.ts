/** Something on a volume that differs from what was captured. */
export interface Problem {
  /** relative to the volume */
  path: string;
  problem: string;
  /** one name of each affected image; undefined if the whole volume is affected */
  images?: string[];
}

/** Result of checking a volume. */
export interface Verification {
  /** ID of the contents; undefined if preload.json is missing or invalid */
  set?: string;
  images: number;
  layers: number;
  blobs: number;
  /** bytes read and compared */
  bytes: number;
  /** digest of the list of checksums, covers the whole volume; undefined if the list is missing */
  checksum?: string;
  problems: Problem[];
}

/** Progress of a verification. */
export interface VerifyProgress {
  layers: { done: number; total: number };
  /** read so far */
  bytes: number;
}

/** A verification as shown to users; the schema of `-o json` and `-o yaml`. */
export interface VerificationResult extends Verification {
  /** the preload, or the path of a mounted volume */
  name: string;
  namespace?: string;
  snapshotId?: string;
  valid: boolean;
  seconds: number;
}
