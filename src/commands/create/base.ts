import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { findPreload, newestReady } from '../../cluster/find-preload.ts';
import { listPreloads } from '../../cluster/preloads.ts';
import { readRecord } from '../../cluster/records.ts';
import { readySnapshot, restoreSize } from '../../cluster/snapshots.ts';
import { isPrefix } from '../../model/generations.ts';
import type { PreloadRecord } from '../../model/record.ts';
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

/**
 * Returns the snapshot that --base means for this platform. A preload that is renewed has no base the first time. Throws
 * PreloadError in other cases.
 */
export const findBase = async (
  cluster: Cluster,
  { base, generateName }: { base?: string | undefined; generateName?: string | undefined },
  platform: string,
  { progress, signal }: Context,
): Promise<string | undefined> => {
  if (base === undefined || !isPrefix(base)) return base;
  if (base !== generateName) return (await findPreload(cluster, base, platform, signal)).name;
  const newest = newestReady(await listPreloads(cluster, { namespace: cluster.namespace }, signal), base, platform);
  progress.done(newest ? `Base ${newest.name}` : `No base: no preload ${base}* for ${platform} is ready yet`);
  return newest?.name;
};

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
export const contentsOf = ({ distinctLayers, layout }: PreloadRecord, copy: boolean): BaseContents | undefined => {
  if (!distinctLayers) return undefined;
  const layers = distinctLayers.filter(({ source }) => copy || isChecked(source)).map(({ chainId }) => chainId);
  const blobs = new Set(distinctLayers.flatMap(({ blob }) => blob ?? []));
  const contents = { layers: layout === 'blobs' ? [] : layers, blobs: [...blobs] };
  return Math.max(contents.layers.length, contents.blobs.length) > MAX_ON_BASE ? undefined : contents;
};

const isChecked = (source: string): boolean => source === 'blob' || source === 'registry';
