import { gzipSync } from 'node:zlib';
import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { createNew, type MadeObjects, madeObjects } from '../../cluster/made-objects.ts';
import { create } from '../../cluster/objects.ts';
import { createLoader, loaderEvents, loaderStarted, readLoader } from '../../cluster/pod.ts';
import { isAttached } from '../../cluster/snapshots.ts';
import { poll } from '../../cluster/wait.ts';
import { withLastWarning } from '../../cluster/warnings.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import { recordConfigMap } from '../../manifests/snapshot.ts';
import type { PreloadRecord } from '../../model/contents.ts';
import { Interrupted, PreloadError } from '../../model/errors.ts';
import { removeCommand } from '../../model/names.ts';
import { loaderEnd } from '../../model/pod-state.ts';
import { type PreloadSummary, summarizeRecord } from '../../model/summary.ts';
import { roundUpToGibibytes } from '../../model/units.ts';
import { interruptionNote } from '../deadline.ts';
import { continuationNote, waitForSnapshot, warnOfDeletion } from '../ready-snapshot.ts';
import { type Capture, followCapture } from './follow.ts';
import type { CreatePlan } from './plan.ts';

/**
 * Makes the objects of `plan`, captures and snapshots. In the end, and after any failure, nothing is left but the
 * snapshot and its record; `keep` also leaves the loader and its volume. Once a snapshot of a finished volume is
 * submitted, nothing that fails later deletes it.
 */
export const makePreload = async (
  cluster: Cluster,
  plan: CreatePlan,
  keep: boolean,
  context: Context,
): Promise<PreloadSummary> => {
  const { progress, signal } = context;
  const { name, namespace } = plan.settings;
  const made = madeObjects(cluster);
  let submitted = false;
  try {
    const { claim, capture } = await captureImages(cluster, plan, made, context);
    if (!capture.readOnly) await releaseVolume(cluster, claim, made, context);
    const snapshot = await createNew(cluster, plan.snapshot);
    submitted = true;
    await createRecord(cluster, plan, capture.record, snapshot, context);
    const summary = { ...(await waitForSnapshot(cluster, snapshot, context)), ...summarizeRecord(capture.record) };
    if (!keep) await cleanUp(made, signal, context);
    warnOfDeletion(summary, context);
    return summary;
  } catch (error) {
    const failure =
      error === signal.reason && error instanceof PreloadError
        ? await withLastWarning(cluster, [plan.snapshot, plan.pod, plan.claim], error)
        : error;
    progress.fail((failure as Error).message);
    if (failure instanceof Interrupted && !keep) progress.note(interruptionNote(removeCommand(name, namespace)));
    // a claim whose snapshot is being taken goes when that is done
    if (!keep) await cleanUp(made, submitted ? AbortSignal.abort() : undefined, context);
    if (submitted) progress.note(continuationNote(name, namespace));
    throw failure;
  }
};

/** The snapshot serves nodes without its record, so a failure is a warning. */
const createRecord = async (
  cluster: Cluster,
  { settings }: CreatePlan,
  record: PreloadRecord,
  snapshot: KubernetesObject,
  { progress }: Context,
): Promise<void> => {
  const configMap = recordConfigMap(settings, gzipSync(JSON.stringify(record), { level: 9 }), snapshot);
  await create(cluster, configMap).catch(({ message }: Error) =>
    progress.warn(`could not create ${objectName(configMap)}, so status will not list the images: ${message}`),
  );
};

const makeLoader = async (
  cluster: Cluster,
  plan: CreatePlan,
  made: MadeObjects,
  { progress, signal }: Context,
): Promise<{ claim: KubernetesObject; pod: KubernetesObject }> => {
  const { size, storageClass } = plan.settings;
  progress.start(`Creating a volume of ${size}`);
  const { claim, pod } = await createLoader(cluster, plan, made, signal);
  progress.done(`Volume ${size}${storageClass ? ` (${storageClass})` : ''}`);
  progress.start('Starting the loader');
  progress.done(`Loader running on ${await loaderStarted(cluster, pod, claim, signal)}`);
  return { claim, pod };
};

/** Captures onto a volume; onto a larger one where the loader finds that the estimate was too small. */
const captureImages = async (
  cluster: Cluster,
  plan: CreatePlan,
  made: MadeObjects,
  context: Context,
): Promise<{ claim: KubernetesObject; capture: Capture }> => {
  const { progress, signal } = context;
  const { claim, pod } = await makeLoader(cluster, plan, made, context);
  const { spec } = await readLoader(cluster, pod, signal);
  const outcome = await followCapture(loaderEvents(cluster, pod, signal), spec.nodeName ?? '', context);
  if (!outcome) {
    const end = loaderEnd(await readLoader(cluster, pod, signal));
    throw new PreloadError(`the loader ended too early: ${end ?? 'no reason given'}`);
  }
  if ('record' in outcome) return { claim, capture: outcome };
  const size = roundUpToGibibytes(outcome.size);
  if (!plan.resized) {
    throw new PreloadError('the volume is too small for these images', `create again with --size ${size}`);
  }
  progress.done(`These images need a volume of ${size}`);
  await removeOrThrow(made);
  return captureImages(cluster, plan.resized(size), made, context);
};

/** For a filesystem that could not be made read-only: only what nobody has mounted is certain to be whole. */
const releaseVolume = async (cluster: Cluster, claim: KubernetesObject, made: MadeObjects, context: Context) => {
  const { progress, signal } = context;
  progress.start('Releasing the volume');
  const wasAttached = await isAttached(cluster, claim, signal);
  await removeOrThrow(made, [claim]);
  await poll(signal, async () => ((await isAttached(cluster, claim, signal)) ? undefined : true));
  progress.done('Volume released');
  if (!wasAttached) {
    progress.warn(
      'this storage does not say when a node has written all of a volume: try the snapshot on a node before you rely on it',
    );
  }
};

const removeOrThrow = async (made: MadeObjects, keep: readonly KubernetesObject[] = []): Promise<void> => {
  const { left } = await made.remove({ keep });
  if (left) throw new PreloadError(left);
};

/** Removes what was made, and waits until it is gone or `until` is aborted. What is left is a warning. */
const cleanUp = async (made: MadeObjects, until: AbortSignal | undefined, { progress }: Context): Promise<void> => {
  progress.start('Removing the loader and its volume');
  const { removed, left } = await made.remove(until && { until });
  if (removed.length > 0) progress.done(`Removed ${removed.join(', ')}`);
  else if (left) progress.fail('nothing could be removed');
  else progress.done('Nothing was left to remove');
  if (left) progress.warn(left);
};
