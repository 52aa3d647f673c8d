import type { Context } from '../cli/context.ts';
import type { Cluster } from '../cluster/connection.ts';
import { type SnapshotWatcher, snapshotReady } from '../cluster/snapshots.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import type { PreloadSummary } from '../model/summary.ts';
import { waitStep } from './step.ts';

/** Waits until the snapshot can be used, or as `watcher` says. Returns what is known of its preload from the snapshot alone. */
export const waitForSnapshot = async (
  cluster: Cluster,
  snapshot: KubernetesObject,
  context: Context,
  watcher: SnapshotWatcher = {},
): Promise<PreloadSummary> => {
  const { signal } = context;
  const isBrief = watcher.until === 'bound';
  const handle = await waitStep(context, {
    title: isBrief ? 'Submitting the snapshot' : 'Waiting for the snapshot',
    do: (report) => {
      const onProblem = (problem: string) => {
        report(problem);
        return watcher.onProblem?.(problem);
      };
      return snapshotReady(cluster, snapshot, { ...watcher, onProblem }, signal);
    },
    done: () => (isBrief ? 'Snapshot submitted' : 'Snapshot ready'),
  });
  const { name, namespace = '', creationTimestamp: created = '' } = snapshot.metadata;
  return { name, namespace, phase: isBrief ? 'Snapshotting' : 'Ready', ...handle, created };
};

export const warnOfDeletion = ({ name, snapshotId, deletionPolicy }: PreloadSummary, { progress }: Context): void => {
  if (deletionPolicy !== 'Delete') return;
  progress.warn(
    `deleting volumesnapshot/${name} will also delete ${snapshotId} (deletionPolicy Delete); to keep it, set deletionPolicy: Retain on its VolumeSnapshotContent`,
  );
};
