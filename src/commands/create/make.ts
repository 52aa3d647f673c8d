import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { create } from '../../cluster/creation.ts';
import type { MadeObjects } from '../../cluster/made-objects.ts';
import { createLoader, endedEarly, loaderEvents, podStarted } from '../../cluster/pod.ts';
import { encodeRecord } from '../../cluster/records.ts';
import { isAttached } from '../../cluster/snapshots.ts';
import { deleteWithClaim } from '../../cluster/volumes.ts';
import { poll } from '../../cluster/wait.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import { recordConfigMap } from '../../manifests/snapshot.ts';
import { PreloadError, TimedOut } from '../../model/errors.ts';
import { removeCommand } from '../../model/names.ts';
import { LOADER_TERMS } from '../../model/pod-state.ts';
import type { PreloadRecord } from '../../model/record.ts';
import { type PreloadSummary, summarizeRecord } from '../../model/summary.ts';
import { formatQuantity } from '../../model/units.ts';
import { inRun, type Run, submit } from '../pod-run.ts';
import { waitForSnapshot } from '../ready-snapshot.ts';
import { step } from '../step.ts';
import { describeOutcome, followCapture, type SealedVolume } from './follow.ts';
import type { CreatePlan } from './plan.ts';
import { writeReport } from './report.ts';
import { withRightSize } from './size.ts';

/**
 * Creates the objects of `plan`, captures and snapshots, step by step. In the end, and after any failure, nothing is left
 * but the snapshot and its record; `keep` also leaves the volume, and the loader unless the volume must be unmounted first.
 */
export const makePreload = async (
  cluster: Cluster,
  plan: CreatePlan,
  { keep, report }: { keep: boolean; report?: string | undefined },
  context: Context,
): Promise<PreloadSummary> => {
  const { name, namespace } = plan.settings;
  const cleanup = { title: 'Removing the loader and its volume', command: removeCommand(name, namespace) };
  const onFailure = (failure: PreloadError, run: Run) =>
    report ? writeReport(report, failure, { cluster, plan, run }, context) : Promise.resolve();
  return inRun(cluster, { ...(!keep && { cleanup }), onFailure }, context, async (run) => {
    const sized = await withRightSize(cluster, plan, run.made, context);
    const { claim, sealed } = await runLoader(cluster, sized, run, { keep }, context);
    if (!sealed.readOnly) await releaseVolume(cluster, claim, run.made, context);
    let isInUse = sealed.readOnly;
    // some storage takes snapshots only of volumes that no node uses
    const letGo = async (problem: string) => {
      if (!isInUse) return;
      isInUse = false;
      context.progress.warn(
        `the snapshot of a volume in use failed: ${problem}; removing the loader, so that the driver can try again without it`,
      );
      const { left } = await run.made.remove({ keep: [claim] });
      for (const message of left) context.progress.warn(message);
    };
    const snapshot = await submit(cluster, run, plan.snapshot, context);
    await createRecord(cluster, recordOf(plan, sealed.record, snapshot), context);
    return { ...(await waitForSnapshot(cluster, snapshot, context, letGo)), ...summarizeRecord(sealed.record) };
  });
};

/** Captures to a volume; to a larger one if the loader finds that the first is too small. */
const runLoader = async (
  cluster: Cluster,
  plan: CreatePlan,
  run: Run,
  { keep }: { keep: boolean },
  context: Context,
): Promise<{ claim: KubernetesObject; sealed: SealedVolume }> => {
  const { signal, now } = context;
  const { size, storageClass } = plan.settings;
  const { claim, pod } = await step(context, {
    title: `Creating a volume of ${size}`,
    do: () => createLoader(cluster, plan, run.made, signal),
    done: () => `Volume ${size}${storageClass ? ` (${storageClass})` : ''}`,
  });
  const starting = 'Starting the loader';
  const onProblem = (problem: string) => context.progress.update(`${starting}: ${problem}`);
  const node = await step(context, {
    title: starting,
    do: () => podStarted(cluster, { pod, claim, terms: LOADER_TERMS, node: plan.settings.node, onProblem }, signal),
    done: (node) => `Loader running on ${node}`,
  });
  if (!keep) run.volume = await deleteWithClaim(cluster, claim, signal);
  const started = now();
  const outcome = await step(context, {
    title: 'Resolving images',
    do: async () => {
      const followed = await followCapture(loaderEvents(cluster, pod, signal), { node, ...plan }, context);
      if (!followed) throw await endedEarly(cluster, pod, LOADER_TERMS, signal);
      return followed;
    },
    done: (followed) => describeOutcome(followed, now() - started),
  });
  if ('record' in outcome) return { claim, sealed: outcome };
  const larger = formatQuantity(outcome.size);
  if (!plan.sizing) {
    throw new PreloadError(
      `the volume is too small for these images; the largest are ${outcome.largest.join(', ')}`,
      `run create again with --size ${larger}`,
    );
  }
  await step(context, {
    title: 'Removing the small volume',
    do: () => removeOrThrow(run.made),
    done: () => 'Removed the small volume',
  });
  return runLoader(cluster, plan.sizing.resized(larger), run, { keep }, context);
};

const STILL_ATTACHED = 'a node still has the volume, so not all data may be on it';
const DETACH = 'see why it is not detached: kubectl describe volumeattachments; or raise --timeout';

/** If the filesystem could not be made read-only, only an unmounted volume is certain to have all data. */
const releaseVolume = async (cluster: Cluster, claim: KubernetesObject, made: MadeObjects, context: Context) => {
  const { progress, signal } = context;
  const wasAttached = await step(context, {
    title: 'Releasing the volume',
    do: async () => {
      const attached = await isAttached(cluster, claim, signal);
      await removeOrThrow(made, [claim]);
      await poll(signal, async () => ((await isAttached(cluster, claim, signal)) ? undefined : true)).catch((error) => {
        throw error instanceof TimedOut ? new PreloadError(`${error.message}; ${STILL_ATTACHED}`, DETACH) : error;
      });
      return attached;
    },
    done: () => 'Volume released',
  });
  if (!wasAttached) {
    progress.warn(
      'this storage does not report when all data has been flushed; test the snapshot on a node before relying on it',
    );
  }
};

const recordOf = ({ settings }: CreatePlan, record: PreloadRecord, snapshot: KubernetesObject): KubernetesObject =>
  recordConfigMap(settings, encodeRecord(record), snapshot);

/** The snapshot serves nodes without its record, so a failure is a warning. */
const createRecord = async (
  cluster: Cluster,
  record: KubernetesObject,
  { progress, signal }: Context,
): Promise<void> => {
  await create(cluster, record, { signal }).catch(({ message }: Error) => {
    signal.throwIfAborted();
    progress.warn(
      `could not create ${objectName(record)}, so status will not list the images, and verify needs --without-record: ${message}`,
    );
  });
};

const removeOrThrow = async (made: MadeObjects, keep: readonly KubernetesObject[] = []): Promise<void> => {
  const { left } = await made.remove({ keep });
  if (left.length > 0) throw new PreloadError(left.join('\n'));
};
