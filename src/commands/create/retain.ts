import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { retainContent } from '../../cluster/retain.ts';
import type { SnapshotWatcher } from '../../cluster/snapshots.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { waitForSnapshot } from '../ready-snapshot.ts';

/** Waits for the snapshot; first makes the storage keep it, if `retain`, so that nothing that fails later undoes that. */
export const waitAndRetain = async (
  cluster: Cluster,
  snapshot: KubernetesObject,
  { retain = false, ...watcher }: SnapshotWatcher & { retain?: boolean | undefined },
  context: Context,
): Promise<PreloadSummary> => {
  let isMissing = retain;
  const onBound = async (content: string) => {
    if (isMissing) await retainContent(cluster, content, { signal: context.signal });
    isMissing = false;
  };
  try {
    return await waitForSnapshot(cluster, snapshot, context, { ...watcher, onBound });
  } catch (error) {
    if (isMissing) {
      const name = objectName(snapshot);
      context.progress.warn(`${name} is not retained yet; set deletionPolicy: Retain on its VolumeSnapshotContent`);
    }
    throw error;
  }
};
