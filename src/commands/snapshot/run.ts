import type { Context } from '../../cli/context.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { createNew } from '../../cluster/made-objects.ts';
import { checkClaim } from '../../cluster/preflight.ts';
import { checkSnapshotNameIsFree } from '../../cluster/snapshots.ts';
import { withLastWarning } from '../../cluster/warnings.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { snapshotOfClaim } from '../../manifests/snapshot.ts';
import { PreloadError } from '../../model/errors.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { version } from '../../version.ts';
import { withDeadline } from '../deadline.ts';
import { formatPreloads } from '../preload-table.ts';
import { continuationNote, waitForSnapshot, warnOfDeletion } from '../ready-snapshot.ts';
import type { SnapshotOptions } from './command.ts';

export const runSnapshot = async (options: SnapshotOptions, context: Context): Promise<void> => {
  const { name, pvc, class: snapshotClass, output, timeout } = options;
  const cluster = connect(options, context.env, context.progress.warn);
  const { namespace } = cluster;
  const snapshot = snapshotOfClaim({ name, namespace, version, ...(snapshotClass && { snapshotClass }) }, pvc);
  await withDeadline(timeout, context, async (limited) => {
    await checkClaim(cluster, pvc, snapshotClass, limited.signal);
    await checkSnapshotNameIsFree(cluster, name, limited.signal);
    const summary = await takeSnapshot(cluster, snapshot, limited);
    warnOfDeletion(summary, limited);
    context.print(formatPreloads(summary, output, context.now()));
  });
};

/** Whatever happens after it was submitted, the snapshot stays: its driver may need longer than this command. */
const takeSnapshot = async (cluster: Cluster, planned: KubernetesObject, context: Context): Promise<PreloadSummary> => {
  const { progress, signal } = context;
  const snapshot = await createNew(cluster, planned);
  try {
    return await waitForSnapshot(cluster, snapshot, context);
  } catch (error) {
    progress.fail((error as Error).message);
    const { name, namespace = '' } = snapshot.metadata;
    progress.note(continuationNote(name, namespace));
    const timedOut = error === signal.reason && error instanceof PreloadError;
    throw timedOut ? await withLastWarning(cluster, [snapshot], error) : error;
  }
};
