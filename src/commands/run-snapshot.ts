import type { Context } from '../cli/context.ts';
import { formatPreloads } from '../cli/format-preloads.ts';
import { checkClaim } from '../cluster/claim-preflight.ts';
import { type Cluster, connect } from '../cluster/connection.ts';
import { madeObjects } from '../cluster/made-objects.ts';
import { checkSnapshotNameIsFree, snapshotReady } from '../cluster/snapshots.ts';
import { withLastWarning } from '../cluster/warnings.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import { snapshotOfClaim } from '../manifests/snapshot.ts';
import { PreloadError } from '../model/errors.ts';
import { statusCommand } from '../model/name.ts';
import type { PreloadSummary } from '../model/summary.ts';
import { version } from '../version.ts';
import { withDeadline } from './deadline.ts';
import { summarizeSnapshot, warnOfDeletion } from './ready-snapshot.ts';
import type { SnapshotOptions } from './snapshot.ts';

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

/** A snapshot that fails is taken away again, so that its name is free; one that is only waited for goes on. */
const takeSnapshot = async (
  cluster: Cluster,
  planned: KubernetesObject,
  { progress, signal }: Context,
): Promise<PreloadSummary> => {
  const made = madeObjects(cluster);
  const snapshot = await made.create(planned);
  try {
    progress.start('Waiting for the snapshot');
    const handle = await snapshotReady(cluster, snapshot, signal);
    progress.done('Snapshot ready');
    return summarizeSnapshot(snapshot, handle);
  } catch (error) {
    progress.fail((error as Error).message);
    if (signal.aborted) {
      const { name, namespace = '' } = snapshot.metadata;
      progress.note(`The snapshot goes on without this command: ${statusCommand(name, namespace)}`);
      throw error instanceof PreloadError ? await withLastWarning(cluster, [snapshot], error) : error;
    }
    await made
      .remove()
      .catch(({ message, hint }: PreloadError) => progress.warn(`${message}; to be removed with: ${hint}`));
    throw error;
  }
};
