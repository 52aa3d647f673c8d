/** Something on a volume that is not as it was captured. */
export interface Problem {
  /** on the volume */
  path: string;
  problem: string;
  /** a name of each image that it concerns; undefined where it concerns all of the volume */
  images?: string[];
}

/** What was found on a volume. */
export interface Verification {
  /** names what is inside; undefined where the volume does not say it */
  set?: string;
  images: number;
  layers: number;
  blobs: number;
  /** bytes that were read and compared */
  bytes: number;
  /** of the list of checksums, which covers the whole volume; undefined where it is missing */
  checksum?: string;
  problems: Problem[];
}

/** How far a verification is. */
export interface VerifyProgress {
  layers: { done: number; total: number };
  /** read so far */
  bytes: number;
}

/** A verification as users see it; also its form for `-o json` and `-o yaml`. */
export interface VerificationResult extends Verification {
  /** of the preload, or the path of a mounted volume */
  name: string;
  namespace?: string;
  snapshotId?: string;
  sound: boolean;
  seconds: number;
}
