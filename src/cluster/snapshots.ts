import type { KubernetesObject } from '../manifests/object.ts';
import { ANY } from '../model/cluster-objects.ts';
import { PreloadError, TimedOut } from '../model/errors.ts';
import { USAGE_NAME } from '../model/names.ts';
import {
  ATTACHMENT,
  CLAIM,
  SNAPSHOT_CONTENT,
  type SnapshotContent,
  VOLUME_SNAPSHOT,
  type VolumeSnapshot,
} from '../model/storage-objects.ts';
import { parseQuantity } from '../model/units.ts';
import { changes } from './changes.ts';
import type { Cluster } from './connection.ts';
import { list } from './lists.ts';
import { snapshotThere } from './made-objects.ts';
import { nullIfForbidden, read } from './objects.ts';

/** The snapshot in the storage system; empty if this user may not read it. */
interface SnapshotHandle {
  /** ID in the cloud or storage system, such as `snap-0a1b2c3d4e5f67890` */
  snapshotId?: string;
  driver?: string;
  deletionPolicy?: string;
}

/** How to wait for a snapshot. */
export interface SnapshotWatcher {
  /** `bound`: ends once the snapshot controller has its content, and so keeps its claim until the snapshot is taken */
  until?: 'ready' | 'bound';
  /** gets errors of its driver */
  onProblem?: (problem: string) => Promise<void> | void;
  /** gets the name of its VolumeSnapshotContent as soon as it is known, perhaps several times; what it throws ends the wait */
  onBound?: (content: string) => Promise<void>;
}

/**
 * Waits until the snapshot can be used. Drivers retry, so an error of its driver is thrown only when `signal` is aborted.
 * Throws early only if the snapshot is gone.
 */
export const snapshotReady = async (
  cluster: Cluster,
  { metadata }: KubernetesObject,
  { until = 'ready', onProblem, onBound }: SnapshotWatcher,
  signal: AbortSignal,
): Promise<SnapshotHandle> => {
  const { name, namespace = '', uid } = metadata;
  let problem: string | undefined;
  try {
    for await (const snapshot of changes(cluster, 'VolumeSnapshot', VOLUME_SNAPSHOT, name, { namespace, signal })) {
      if (snapshot?.metadata.uid !== uid)
        throw new PreloadError(`volume snapshot ${name} was deleted by someone else`, 'run the command again');
      const { readyToUse, error, boundVolumeSnapshotContentName: content } = snapshot?.status ?? {};
      if (content) await onBound?.(content);
      if (content && until === 'bound') return {};
      const handle = readyToUse && snapshot && (await snapshotHandle(cluster, snapshot, signal));
      if (handle) return handle;
      problem = error ? (error.message ?? 'its driver reports an error') : undefined;
      if (problem) await onProblem?.(problem);
    }
    throw new Error('a wait has no end'); // changes() yields for ever
  } catch (error) {
    if (!problem || !(error instanceof TimedOut)) throw error;
    throw new PreloadError(
      `${error.message}; the volume snapshot is not ready: ${problem}`,
      'check that the CSI driver supports snapshots and matches the snapshot class, or raise --timeout',
    );
  }
};

/** Returns a function that returns the handle of a snapshot; requests all at once if there are several and this user may. */
export const snapshotHandles = async (
  cluster: Cluster,
  snapshots: readonly VolumeSnapshot[],
  signal: AbortSignal,
): Promise<(snapshot: VolumeSnapshot) => Promise<SnapshotHandle | undefined>> => {
  const contents = new Set(snapshots.flatMap(({ status }) => status?.boundVolumeSnapshotContentName ?? []));
  const all =
    contents.size > 1 &&
    (await nullIfForbidden(Array.fromAsync(list(cluster, 'VolumeSnapshotContent', SNAPSHOT_CONTENT, { signal }))));
  if (!all) return (snapshot) => snapshotHandle(cluster, snapshot, signal);
  const byName = new Map(all.map((content) => [content.metadata.name, content]));
  return async ({ status }) => handleOf(byName.get(status?.boundVolumeSnapshotContentName ?? ''));
};

/** Returns the handle of `snapshot`, or undefined if it does not exist yet. */
export const snapshotHandle = async (
  cluster: Cluster,
  snapshot: VolumeSnapshot,
  signal: AbortSignal,
): Promise<SnapshotHandle | undefined> => {
  const content = snapshot.status?.boundVolumeSnapshotContentName;
  if (!content) return undefined;
  const found = await nullIfForbidden(read(cluster, 'VolumeSnapshotContent', SNAPSHOT_CONTENT, content, { signal }));
  if (found === null) {
    cluster.warn(
      'snapshot IDs are not shown: this user is not allowed to get volumesnapshotcontents.snapshot.storage.k8s.io',
    );
    return {};
  }
  return handleOf(found);
};

const handleOf = (content: SnapshotContent | undefined): SnapshotHandle | undefined => {
  const snapshotId = content?.status?.snapshotHandle;
  if (!content || !snapshotId) return undefined;
  return { snapshotId, driver: content.spec.driver, deletionPolicy: content.spec.deletionPolicy };
};

/**
 * Whether a node has the volume of `claim` attached. Once it is detached, all data is on the storage. Always false for
 * storage without attachments, since no object shows whether a node still has such a volume mounted: the pod may be
 * gone before the staging mount is, and `volumesInUse` in a node's status lists only attached volumes.
 */
export const isAttached = async (cluster: Cluster, claim: KubernetesObject, signal: AbortSignal): Promise<boolean> => {
  const { name, namespace = '' } = claim.metadata;
  const options = { namespace, signal };
  const current = await read(cluster, 'PersistentVolumeClaim', CLAIM, name, options);
  const attachments = list(cluster, 'VolumeAttachment', ATTACHMENT, { signal });
  const volume = current?.spec.volumeName;
  for await (const { spec } of attachments) {
    if (volume && spec.source.persistentVolumeName === volume) return true;
  }
  return false;
};

export const checkSnapshotNameIsFree = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<void> => {
  if (await read(cluster, 'VolumeSnapshot', ANY, name, { signal })) throw snapshotThere(name, cluster.namespace);
};

/** Returns the snapshot `name`. Throws PreloadError with `remedy` if it is missing or not ready. */
export const readySnapshot = async (
  cluster: Cluster,
  name: string,
  remedy: string,
  signal: AbortSignal,
): Promise<VolumeSnapshot> => {
  const snapshot = await read(cluster, 'VolumeSnapshot', VOLUME_SNAPSHOT, name, { signal });
  if (snapshot?.status?.readyToUse) return snapshot;
  throw new PreloadError(
    `volume snapshot "${name}" ${snapshot ? 'is not ready' : `not found in namespace "${cluster.namespace}"`}`,
    `${remedy}; see: ${USAGE_NAME} status -n ${cluster.namespace}`,
  );
};

/** Returns the minimum bytes of a volume made from `snapshot`; 0 if its driver does not report it. */
export const restoreSize = ({ status }: VolumeSnapshot): number =>
  parseQuantity(String(status?.restoreSize ?? '')) ?? 0;
