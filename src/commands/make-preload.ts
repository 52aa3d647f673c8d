import { gzipSync } from 'node:zlib';
import type { Context } from '../cli/context.ts';
import type { Cluster } from '../cluster/connection.ts';
import { createLoader } from '../cluster/create-loader.ts';
import { loaderStarted, readLoader } from '../cluster/loader.ts';
import { loaderEvents } from '../cluster/loader-log.ts';
import { type MadeObjects, madeObjects } from '../cluster/made-objects.ts';
import { poll } from '../cluster/poll.ts';
import { isAttached, snapshotReady } from '../cluster/snapshots.ts';
import { withLastWarning } from '../cluster/warnings.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import { recordConfigMap } from '../manifests/snapshot.ts';
import { Interrupted, PreloadError } from '../model/errors.ts';
import { loaderEnd } from '../model/loader-state.ts';
import { removeCommand, statusCommand } from '../model/name.ts';
import { roundUpToGibibytes } from '../model/quantity.ts';
import { type PreloadSummary, summarizeRecord } from '../model/summary.ts';
import type { CreatePlan } from './create-plan.ts';
import { type Capture, followCapture } from './follow-capture.ts';
import { summarizeSnapshot, warnOfDeletion } from './ready-snapshot.ts';

/**
 * Makes the objects of `plan`, captures and snapshots. In the end, and after any failure, nothing is left but the
 * snapshot and its record; `keep` also leaves the loader and its volume.
 */
export const makePreload = async (
  cluster: Cluster,
  plan: CreatePlan,
  keep: boolean,
  context: Context,
): Promise<PreloadSummary> => {
  const { progress, signal } = context;
  const made = madeObjects(cluster);
  let results: KubernetesObject[] = [];
  try {
    const { claim, capture } = await captureImages(cluster, plan, made, context);
    if (!capture.readOnly) await releaseVolume(cluster, claim, made, context);
    const snapshot = await made.create(plan.snapshot);
    const record = gzipSync(JSON.stringify(capture.record), { level: 9 });
    results = [snapshot, await made.create(recordConfigMap(plan.settings, record, snapshot))];
    progress.start('Waiting for the snapshot');
    const handle = await snapshotReady(cluster, snapshot, signal);
    progress.done('Snapshot ready');
    await cleanUp(made, results, keep, context);
    const summary = { ...summarizeSnapshot(snapshot, handle), ...summarizeRecord(capture.record) };
    warnOfDeletion(summary, context);
    return summary;
  } catch (error) {
    const failure =
      error === signal.reason && error instanceof PreloadError
        ? await withLastWarning(cluster, [plan.snapshot, plan.pod, plan.claim], error)
        : error;
    progress.fail((failure as Error).message);
    const interrupted = failure instanceof Interrupted;
    const submitted = interrupted && results.length > 0;
    const { name, namespace } = plan.settings;
    if (interrupted && !keep)
      progress.note(
        `Interrupted; once more leaves what was made, to be removed with: ${removeCommand(name, namespace)}`,
      );
    await cleanUp(made, submitted ? results : [], keep, context, !submitted).catch(({ message, hint }: PreloadError) =>
      progress.warn(`${message}; to be removed with: ${hint}`),
    );
    if (submitted) progress.note(`The snapshot goes on without this command: ${statusCommand(name, namespace)}`);
    throw failure;
  }
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
  await made.remove();
  return captureImages(cluster, plan.resized(size), made, context);
};

/** For a filesystem that could not be made read-only: only what nobody has mounted is certain to be whole. */
const releaseVolume = async (cluster: Cluster, claim: KubernetesObject, made: MadeObjects, context: Context) => {
  const { progress, signal } = context;
  progress.start('Releasing the volume');
  const wasAttached = await isAttached(cluster, claim, signal);
  await made.remove([claim]);
  await poll(signal, async () => ((await isAttached(cluster, claim, signal)) ? undefined : true));
  progress.done('Volume released');
  if (!wasAttached) {
    progress.warn(
      'this storage does not say when a node has written all of a volume: try the snapshot on a node before you rely on it',
    );
  }
};

const cleanUp = async (
  made: MadeObjects,
  results: readonly KubernetesObject[],
  keep: boolean,
  { progress }: Context,
  wait = true,
): Promise<void> => {
  if (keep) return;
  progress.start('Removing the loader and its volume');
  const removed = await made.remove(results, wait);
  progress.done(removed.length > 0 ? `Removed ${removed.join(', ')}` : 'Nothing was left to remove');
};
