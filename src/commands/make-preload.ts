import { gzipSync } from 'node:zlib';
import type { Context } from '../cli/context.ts';
import type { Cluster } from '../cluster/connection.ts';
import { lastWarning, loaderStarted, readLoader } from '../cluster/loader.ts';
import { loaderEvents } from '../cluster/loader-log.ts';
import { type MadeObjects, madeObjects } from '../cluster/made-objects.ts';
import { apply } from '../cluster/objects.ts';
import { type SnapshotHandle, snapshotReady, volumeReleased } from '../cluster/snapshots.ts';
import { type KubernetesObject, ownerReference } from '../manifests/object.ts';
import { recordConfigMap } from '../manifests/snapshot.ts';
import { Interrupted, PreloadError } from '../model/errors.ts';
import { loaderEnd } from '../model/loader-state.ts';
import { removeCommand, USAGE_NAME } from '../model/name.ts';
import { type PreloadSummary, summarizeRecord } from '../model/summary.ts';
import type { CreatePlan } from './create-plan.ts';
import { type Capture, followCapture } from './follow-capture.ts';

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
    const { claim, pod } = await makeLoader(cluster, plan, made, context);
    const capture = await captureImages(cluster, pod, context);
    if (!capture.readOnly) await releaseVolume(cluster, claim, made, context);
    const snapshot = await made.create(plan.snapshot);
    const record = gzipSync(JSON.stringify(capture.record), { level: 9 });
    results = [snapshot, await made.create(recordConfigMap(plan.settings, record, snapshot))];
    progress.start('Waiting for the snapshot');
    const handle = await snapshotReady(cluster, snapshot, signal);
    progress.done('Snapshot ready');
    await cleanUp(made, results, keep, context);
    if (handle.deletionPolicy === 'Delete') {
      progress.warn(
        `deleting volumesnapshot/${snapshot.metadata.name} will also delete ${handle.handle} (deletionPolicy Delete)`,
      );
    }
    return summarize(snapshot, capture, handle);
  } catch (error) {
    const failure =
      error === signal.reason && error instanceof PreloadError ? await explain(cluster, plan, error) : error;
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
    if (submitted) progress.note(`The snapshot goes on without this command: ${USAGE_NAME} status ${name}`);
    throw failure;
  }
};

/** The config map comes first, since a pod that has to wait for it starts a second later. */
const makeLoader = async (
  cluster: Cluster,
  plan: CreatePlan,
  made: MadeObjects,
  { progress, signal }: Context,
): Promise<{ claim: KubernetesObject; pod: KubernetesObject }> => {
  const { configMap, settings } = plan;
  progress.start(`Creating a volume of ${settings.size}`);
  const { name, namespace } = (await made.create(configMap)).metadata;
  const claim = await made.create(plan.claim);
  const pod = await made.create(plan.pod);
  signal.throwIfAborted();
  const metadata = { name, ...(namespace && { namespace }), ownerReferences: [ownerReference(pod)] };
  await apply(cluster, { apiVersion: configMap.apiVersion, kind: configMap.kind, metadata }, { signal });
  progress.done(`Volume ${settings.size}${settings.storageClass ? ` (${settings.storageClass})` : ''}`);
  progress.start('Starting the loader');
  progress.done(`Loader running on ${await loaderStarted(cluster, pod, signal)}`);
  return { claim, pod };
};

const captureImages = async (cluster: Cluster, pod: KubernetesObject, context: Context): Promise<Capture> => {
  const { signal } = context;
  const { spec } = await readLoader(cluster, pod, signal);
  const capture = await followCapture(loaderEvents(cluster, pod, signal), spec.nodeName ?? '', context);
  if (capture) return capture;
  throw new PreloadError(
    `the loader ended too early: ${loaderEnd(await readLoader(cluster, pod, signal)) ?? 'no reason given'}`,
  );
};

/** For a filesystem that could not be made read-only: only what nobody has mounted is certain to be whole. */
const releaseVolume = async (cluster: Cluster, claim: KubernetesObject, made: MadeObjects, context: Context) => {
  context.progress.start('Releasing the volume');
  await made.remove([claim]);
  await volumeReleased(cluster, claim, context.signal);
  context.progress.done('Volume released');
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

/** A timeout alone says little: the last warning of the cluster says what it waited for. */
const explain = async (
  cluster: Cluster,
  { pod, claim, snapshot }: CreatePlan,
  error: PreloadError,
): Promise<PreloadError> => {
  for (const object of [snapshot, pod, claim]) {
    const warning = await lastWarning(cluster, object).catch(() => undefined);
    if (warning) return new PreloadError(`${error.message}: ${warning}`, error.hint);
  }
  return error;
};

const summarize = ({ metadata }: KubernetesObject, { record }: Capture, handle: SnapshotHandle): PreloadSummary => ({
  name: metadata.name,
  namespace: metadata.namespace ?? '',
  phase: 'Ready',
  snapshotId: handle.handle,
  driver: handle.driver,
  deletionPolicy: handle.deletionPolicy,
  created: metadata.creationTimestamp ?? record.created,
  ...summarizeRecord(record),
});
