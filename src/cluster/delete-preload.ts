import type * as v from 'valibot';
import type { KubernetesObject } from '../manifests/object.ts';
import { PreloadError } from '../model/errors.ts';
import { hasPrefix, newestFirst } from '../model/generations.ts';
import { statusCommand } from '../model/names.ts';
import { SNAPSHOT_CONTENT, VOLUME_SNAPSHOT, type VolumeSnapshot } from '../model/storage-objects.ts';
import type { PreloadSummary } from '../model/summary.ts';
import type { Cluster } from './connection.ts';
import { asObject, isOf } from './leftovers.ts';
import { nullIfForbidden, read, remove } from './objects.ts';
import { retainContent } from './retain.ts';

interface DeleteOptions {
  /** the storage keeps its snapshot */
  retain?: boolean;
  /** the server only checks the requests */
  dryRun?: boolean;
}

/** A preload whose deletion has been requested. */
export interface Deletion {
  /** stays until the storage has deleted its snapshot */
  snapshot: KubernetesObject;
  /** name of the VolumeSnapshotContent; undefined before it is bound */
  content?: string;
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
  preload: Pick<PreloadSummary, 'name' | 'namespace' | 'created'>,
  signal: AbortSignal,
  { retain = false, dryRun = false }: DeleteOptions = {},
): Promise<Deletion | undefined> => {
  const { name, namespace, created } = preload;
  const found = await read(cluster, 'VolumeSnapshot', VOLUME_SNAPSHOT, name, { namespace, signal });
  if (!found || !isOf(name, found) || found.metadata.creationTimestamp !== created) return undefined;
  const snapshot = asObject('VolumeSnapshot', found);
  const content = await contentOf(cluster, found, signal);
  if (retain) await keepInStorage(cluster, preload, content, { signal, dryRun });
  if (!(await remove(cluster, snapshot, { signal, dryRun }))) return undefined;
  const policy = retain ? 'Retain' : content?.spec.deletionPolicy;
  const snapshotId = content?.status?.snapshotHandle;
  return {
    snapshot,
    ...(content && { content: content.name }),
    ...(snapshotId && { snapshotId }),
    ...(policy && { deletionPolicy: policy }),
  };
};

type Content = v.InferOutput<typeof SNAPSHOT_CONTENT> & { name: string };

/** The content that is bound to `snapshot`; undefined if it has no content, or this user may not read it. */
const contentOf = async (
  cluster: Cluster,
  { metadata, status }: VolumeSnapshot,
  signal: AbortSignal,
): Promise<Content | undefined> => {
  const name = status?.boundVolumeSnapshotContentName;
  if (!name) return undefined;
  const found = await nullIfForbidden(read(cluster, 'VolumeSnapshotContent', SNAPSHOT_CONTENT, name, { signal }));
  const bound = found?.spec.volumeSnapshotRef;
  const isBound = bound?.name === metadata.name && bound.namespace === metadata.namespace;
  return found && isBound && (bound.uid ?? metadata.uid) === metadata.uid ? { name, ...found } : undefined;
};

const keepInStorage = async (
  cluster: Cluster,
  { name, namespace }: Pick<PreloadSummary, 'name' | 'namespace'>,
  content: Content | undefined,
  options: { signal: AbortSignal; dryRun: boolean },
): Promise<void> => {
  if (!content) {
    throw new PreloadError(
      `cannot keep the storage's snapshot of preload "${name}": its volumesnapshotcontent does not exist, or this user may not get it`,
      `see: ${statusCommand(name, namespace)}`,
    );
  }
  if (content.spec.deletionPolicy === 'Retain') return;
  await retainContent(cluster, content.name, options);
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
