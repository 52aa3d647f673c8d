import { VOLUME_SNAPSHOT } from '../model/cluster-objects.ts';
import { hasPrefix } from '../model/generations.ts';
import type { PreloadSummary } from '../model/summary.ts';
import type { Cluster } from './connection.ts';
import { asObject } from './leftovers.ts';
import { read, remove } from './objects.ts';
import { snapshotHandle } from './snapshots.ts';

/** A preload whose deletion has been requested. */
export interface Deletion {
  /** in the storage; undefined if unknown */
  snapshotId?: string;
  /** what happens to it; undefined if unknown */
  deletionPolicy?: string;
}

/**
 * Requests the deletion of a preload's snapshot; its record is deleted with it. Returns undefined if it is gone, or another
 * one has its name.
 */
export const deletePreload = async (
  cluster: Cluster,
  { name, namespace, created }: Pick<PreloadSummary, 'name' | 'namespace' | 'created'>,
  signal: AbortSignal,
): Promise<Deletion | undefined> => {
  const found = await read(cluster, 'VolumeSnapshot', VOLUME_SNAPSHOT, name, { namespace, signal });
  if (found?.metadata.creationTimestamp !== created || !found) return undefined;
  const handle = await snapshotHandle(cluster, found, signal);
  await remove(cluster, asObject('VolumeSnapshot', found), { signal });
  return handle ?? {};
};

/** The ready ones of `preloads` with this prefix, without the newest `count` of each platform; the oldest first. */
export const beyondLast = (preloads: readonly PreloadSummary[], prefix: string, count: number): PreloadSummary[] => {
  const ready = preloads.filter(({ name, phase }) => phase === 'Ready' && hasPrefix(name, prefix));
  const byPlatform = Object.values(Object.groupBy(ready, ({ platform }) => platform ?? ''));
  return byPlatform
    .flatMap((each = []) => each.toSorted(newestFirst).slice(count))
    .toSorted(newestFirst)
    .toReversed();
};

const newestFirst = (a: PreloadSummary, b: PreloadSummary): number =>
  Date.parse(b.created) - Date.parse(a.created) || (a.name < b.name ? 1 : -1);
