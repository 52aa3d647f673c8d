import type { Cluster } from '../../cluster/connection.ts';
import { readRecord } from '../../cluster/records.ts';
import { readySnapshot, restoreSize } from '../../cluster/snapshots.ts';
import type { PreloadRecord } from '../../model/contents.ts';
import { type BaseContents, MAX_ON_BASE } from '../../model/request.ts';

/** The older snapshot that a volume starts from. */
export interface Base {
  /** bytes that the volume must have at least */
  size: number;
  /** bytes of what it holds; 0 if unknown */
  used: number;
  /** what of it can be used again; undefined if unknown */
  contents?: BaseContents;
}

export const NO_BASE: Base = { size: 0, used: 0 };

/** Reads the snapshot `name` and its record, if it has one. Throws PreloadError if the snapshot is missing or not ready. */
export const readBase = async (
  cluster: Cluster,
  name: string,
  { copy }: { copy: boolean },
  signal: AbortSignal,
): Promise<Base> => {
  const snapshot = await readySnapshot(cluster, name, 'use --base with a snapshot that is ready', signal);
  const size = restoreSize(snapshot);
  const record = await readRecord(cluster, snapshot, '', signal).catch((): undefined => {
    signal.throwIfAborted();
  });
  const contents = record && contentsOf(record, copy);
  return contents ? { size, used: record.usedBytes, contents } : { size, used: 0 };
};

/** Without `copy`, only what was unpacked from checked blobs is used again. */
export const contentsOf = ({ images, layout }: PreloadRecord, copy: boolean): BaseContents | undefined => {
  const layers = images.flatMap((image) => image.layers).filter(({ source }) => copy || isChecked(source));
  const blobs = images.filter((image) => image.blobs).flatMap((image) => image.layers);
  const contents = {
    layers: layout === 'blobs' ? [] : [...new Set(layers.map(({ chainId }) => chainId))],
    blobs: [...new Set(blobs.map(({ digest }) => digest))],
  };
  return Math.max(contents.layers.length, contents.blobs.length) > MAX_ON_BASE ? undefined : contents;
};

const isChecked = (source: string): boolean => source === 'blob' || source === 'registry';
