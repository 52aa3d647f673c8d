import type { Context } from '../cli/context.ts';
import type { SnapshotHandle } from '../cluster/snapshots.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import type { PreloadSummary } from '../model/summary.ts';

/** What is known of a preload from its snapshot alone. */
export const summarizeSnapshot = ({ metadata }: KubernetesObject, handle: SnapshotHandle): PreloadSummary => ({
  name: metadata.name,
  namespace: metadata.namespace ?? '',
  phase: 'Ready',
  ...handle,
  created: metadata.creationTimestamp ?? '',
});

export const warnOfDeletion = ({ name, snapshotId, deletionPolicy }: PreloadSummary, { progress }: Context): void => {
  if (deletionPolicy !== 'Delete') return;
  progress.warn(`deleting volumesnapshot/${name} will also delete ${snapshotId} (deletionPolicy Delete)`);
};
