import { distinctBytes, type PreloadRecord, type SkippedImage } from './contents.ts';
import type { Layout } from './layout.ts';

export type Phase = 'Starting' | 'Capturing' | 'Snapshotting' | 'Ready' | 'Failed';

/** One preload as users see it; also its form for `-o json` and `-o yaml`. */
export interface PreloadSummary {
  name: string;
  namespace: string;
  phase: Phase;
  /** why it is in this phase, where that is not plain */
  reason?: string;
  snapshotId?: string;
  driver?: string;
  deletionPolicy?: string;
  platform?: string;
  layout?: Layout;
  node?: string;
  /** of the volume's filesystem, for nodes to mount it by */
  filesystem?: string;
  version?: string;
  /** RFC 3339, of the oldest object there is */
  created: string;
  /** bytes on the volume */
  size?: number;
  layers?: number;
  images?: { names: string[]; digest: string; size: number }[];
  /** found, but not captured */
  skipped?: SkippedImage[];
}

/** What a record adds to the summary of its preload. */
export const summarizeRecord = (record: PreloadRecord): Partial<PreloadSummary> => ({
  platform: record.platform,
  layout: record.layout,
  node: record.node,
  ...(record.uuid !== null && { filesystem: record.uuid }),
  version: record.version,
  size: record.usedBytes,
  layers: record.layers,
  images: record.images.map((image) => ({ names: image.names, digest: image.digest, size: distinctBytes([image]) })),
  ...(record.skipped.length > 0 && { skipped: record.skipped }),
});
