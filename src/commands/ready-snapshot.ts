import type { Context } from '../cli/context.ts';
import type { Cluster } from '../cluster/connection.ts';
import { snapshotReady } from '../cluster/snapshots.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import type { PreloadSummary } from '../model/summary.ts';
import { waitStep } from './step.ts';

/** Waits until the snapshot can be used, and passes errors of its driver to `onProblem`. Returns what is known of its preload from the snapshot alone. */
export const waitForSnapshot = async (
  cluster: Cluster,
  snapshot: KubernetesObject,
  context: Context,
  onProblem: (problem: string) => Promise<void> = async () => {},
): Promise<PreloadSummary> => {
  const { signal } = context;
  const { name, namespace = '', creationTimestamp: created = '' } = snapshot.metadata;
  const handle = await waitStep(context, {
    title: 'Waiting for the snapshot',
    do: (report) =>
      snapshotReady(cluster, snapshot, signal, (problem) => {
        report(problem);
        return onProblem(problem);
      }),
    done: () => 'Snapshot ready',
  });
  return { name, namespace, phase: 'Ready', ...handle, created };
};

export const warnOfDeletion = ({ name, snapshotId, deletionPolicy }: PreloadSummary, { progress }: Context): void => {
  if (deletionPolicy !== 'Delete') return;
  progress.warn(
    `deleting volumesnapshot/${name} will also delete ${snapshotId} (deletionPolicy Delete); to keep it, set deletionPolicy: Retain on its VolumeSnapshotContent`,
  );
};
