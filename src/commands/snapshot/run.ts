import type { Context } from '../../cli/context.ts';
import { connect } from '../../cluster/connection.ts';
import { checkClaim } from '../../cluster/preflight.ts';
import { checkSnapshotNameIsFree } from '../../cluster/snapshots.ts';
import { UNTIL_DEADLINE } from '../../cluster/weather.ts';
import { snapshotOfClaim } from '../../manifests/snapshot.ts';
import { version } from '../../version.ts';
import { withDeadline } from '../deadline.ts';
import { inRun, submit } from '../pod-run.ts';
import { formatPreloads } from '../preload-table.ts';
import { waitForSnapshot, warnOfDeletion } from '../ready-snapshot.ts';
import type { SnapshotOptions } from './command.ts';

export const runSnapshot = async (options: SnapshotOptions, context: Context): Promise<void> => {
  const { name, pvc, class: snapshotClass, output, timeout } = options;
  const cluster = await connect({ ...options, patience: UNTIL_DEADLINE }, context.env, context.progress.warn);
  const { namespace } = cluster;
  const snapshot = snapshotOfClaim({ name, namespace, version, ...(snapshotClass && { snapshotClass }) }, pvc);
  await withDeadline(timeout, context, async (limited) => {
    await checkClaim(cluster, pvc, snapshotClass, limited.signal);
    await checkSnapshotNameIsFree(cluster, name, limited.signal);
    const summary = await inRun(cluster, {}, limited, async (run) =>
      waitForSnapshot(cluster, await submit(cluster, run, snapshot, limited), limited),
    );
    warnOfDeletion(summary, limited);
    context.print(formatPreloads(summary, output, { now: context.now() }));
  });
};
