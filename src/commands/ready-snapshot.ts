import type { Context } from '../cli/context.ts';
import type { Cluster } from '../cluster/connection.ts';
import { type SnapshotWatcher, snapshotReady } from '../cluster/snapshots.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import type { PreloadSummary } from '../model/summary.ts';
import { step } from './step.ts';

/** Waits until the snapshot can be used. Returns what is known of its preload from the snapshot alone. */
export const waitForSnapshot = async (
  cluster: Cluster,
  snapshot: KubernetesObject,
  context: Context,
  watcher: SnapshotWatcher = {},
): Promise<PreloadSummary> => {
  const { progress, signal } = context;
  const title = 'Waiting for the snapshot';
  const onProblem = (problem: string) => {
    progress.update(`${title}: ${problem}`);
    return watcher.onProblem?.(problem);
  };
  const handle = await step(context, {
    title,
    do: () => snapshotReady(cluster, snapshot, { ...watcher, onProblem }, signal),
    done: () => 'Snapshot ready',
  });
  return { ...submitted(snapshot), phase: 'Ready', ...handle };
};

/** What is known of the preload of a snapshot that has just been submitted. */
export const submitted = ({ metadata }: KubernetesObject): PreloadSummary => {
  const { name, namespace = '', creationTimestamp: created = '' } = metadata;
  return { name, namespace, phase: 'Snapshotting', created };
};

export const warnOfDeletion = ({ name, snapshotId, deletionPolicy }: PreloadSummary, { progress }: Context): void => {
  if (deletionPolicy !== 'Delete') return;
  progress.warn(
    `deleting volumesnapshot/${name} will also delete ${snapshotId} (deletionPolicy Delete); to keep it, set deletionPolicy: Retain on its VolumeSnapshotContent`,
  );
};
