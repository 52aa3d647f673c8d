import type { SkippedImage } from './contents.ts';
import type { Coverage, Drift } from './coverage.ts';
import type { Layout } from './layout.ts';
import type { PreloadRecord, RecordedImage } from './record.ts';

export type Phase = 'Starting' | 'Capturing' | 'Snapshotting' | 'Ready' | 'Failed';

/** One preload as shown to users; the schema of `-o json` and `-o yaml`. */
export interface PreloadSummary {
  name: string;
  namespace: string;
  phase: Phase;
  /** why it is in this phase, if that is not obvious */
  reason?: string;
  snapshotId?: string;
  driver?: string;
  deletionPolicy?: string;
  platform?: string;
  layout?: Layout;
  node?: string;
  /** UUID of the volume's filesystem, for mounting it on nodes */
  filesystem?: string;
  /** digest of the volume's preload.json, for restore.sh --expect */
  contentsDigest?: string;
  version?: string;
  /** RFC 3339, creation time of the oldest object */
  created: string;
  /** bytes on the volume */
  size?: number;
  layers?: number;
  images?: RecordedImage[];
  /** the volume has more images than these */
  incomplete?: boolean;
  /** images that could not be captured */
  skipped?: SkippedImage[];
  /** prefixes of names that it leaves out on purpose */
  exclude?: string[];
  /** ID of the contents, which nodes that have restored them can have as a label */
  set?: string;
  /** how many nodes have that label; undefined if this user may not list nodes */
  nodes?: number;
  /** undefined without the right to list pods, or if not all its images are known; with the drift if only one preload is shown */
  coverage?: Coverage & Partial<Drift>;
}

/** The fields that a record adds to the summary of its preload. */
export const summarizeRecord = (record: PreloadRecord): Partial<PreloadSummary> => ({
  platform: record.platform,
  layout: record.layout,
  node: record.node,
  ...(record.uuid !== null && { filesystem: record.uuid }),
  ...(record.contentsDigest && { contentsDigest: record.contentsDigest }),
  version: record.version,
  size: record.usedBytes,
  layers: record.layers,
  images: record.images.toSorted(byName),
  ...(record.incomplete && { incomplete: true }),
  ...(record.skipped.length > 0 && { skipped: record.skipped }),
  ...(record.exclude && { exclude: record.exclude }),
  set: record.set,
});

/** The volume has them in the order in which they were captured, which differs from time to time. */
const byName = (a: { names: string[] }, b: { names: string[] }): number =>
  (a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1;
