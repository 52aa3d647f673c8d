import { gzipSync } from 'node:zlib';
import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { createNew, type MadeObjects } from '../../cluster/made-objects.ts';
import { create } from '../../cluster/objects.ts';
import { createLoader, endedEarly, loaderEvents, loaderStarted } from '../../cluster/pod.ts';
import { isAttached } from '../../cluster/snapshots.ts';
import { poll } from '../../cluster/wait.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import { recordConfigMap } from '../../manifests/snapshot.ts';
import type { PreloadRecord } from '../../model/contents.ts';
import { PreloadError } from '../../model/errors.ts';
import { removeCommand } from '../../model/names.ts';
import { type PreloadSummary, summarizeRecord } from '../../model/summary.ts';
import { roundUpToGibibytes } from '../../model/units.ts';
import { inRun } from '../pod-run.ts';
import { waitForSnapshot } from '../ready-snapshot.ts';
import { type Capture, followCapture } from './follow.ts';
import type { CreatePlan } from './plan.ts';

/**
 * Creates the objects of `plan`, captures and snapshots. In the end, and after any failure, nothing is left but the
 * snapshot and its record; `keep` also leaves the loader and its volume.
 */
export const makePreload = async (
  cluster: Cluster,
  plan: CreatePlan,
  keep: boolean,
  context: Context,
): Promise<PreloadSummary> => {
  const { name, namespace } = plan.settings;
  const cleanUp = { title: 'Removing the loader and its volume', command: removeCommand(name, namespace) };
  const settings = { watched: [plan.snapshot, plan.pod, plan.claim], ...(!keep && { cleanUp }) };
  return inRun(cluster, settings, context, async (run) => {
    const { claim, capture } = await captureImages(cluster, plan, run.made, context);
    if (!capture.readOnly) await releaseVolume(cluster, claim, run.made, context);
    run.submitted = await createNew(cluster, plan.snapshot);
    await createRecord(cluster, plan, capture.record, run.submitted, context);
    return { ...(await waitForSnapshot(cluster, run.submitted, context)), ...summarizeRecord(capture.record) };
  });
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
): Promise<{ claim: KubernetesObject; pod: KubernetesObject; node: string }> => {
  const { size, storageClass } = plan.settings;
  progress.start(`Creating a volume of ${size}`);
  const { claim, pod } = await createLoader(cluster, plan, made, signal);
  progress.done(`Volume ${size}${storageClass ? ` (${storageClass})` : ''}`);
  progress.start('Starting the loader');
  const node = await loaderStarted(cluster, pod, claim, signal);
  progress.done(`Loader running on ${node}`);
  return { claim, pod, node };
};

/** Captures to a volume; to a larger one if the loader finds that the first is too small. */
const captureImages = async (
  cluster: Cluster,
  plan: CreatePlan,
  made: MadeObjects,
  context: Context,
): Promise<{ claim: KubernetesObject; capture: Capture }> => {
  const { progress, signal } = context;
  const { claim, pod, node } = await makeLoader(cluster, plan, made, context);
  const outcome = await followCapture(loaderEvents(cluster, pod, signal), node, context);
  if (!outcome) throw await endedEarly(cluster, pod, 'loader', signal);
  if ('record' in outcome) return { claim, capture: outcome };
  const size = roundUpToGibibytes(outcome.size);
  if (!plan.resized) {
    throw new PreloadError('the volume is too small for these images', `run create again with --size ${size}`);
  }
  progress.done(`These images need a volume of ${size}`);
  await removeOrThrow(made);
  return captureImages(cluster, plan.resized(size), made, context);
};

/** If the filesystem could not be made read-only, only an unmounted volume is certain to have all data. */
const releaseVolume = async (cluster: Cluster, claim: KubernetesObject, made: MadeObjects, context: Context) => {
  const { progress, signal } = context;
  progress.start('Releasing the volume');
  const wasAttached = await isAttached(cluster, claim, signal);
  await removeOrThrow(made, [claim]);
  await poll(signal, async () => ((await isAttached(cluster, claim, signal)) ? undefined : true));
  progress.done('Volume released');
  if (!wasAttached) {
    progress.warn(
      'this storage does not report when all data has been flushed; test the snapshot on a node before relying on it',
    );
  }
};

const removeOrThrow = async (made: MadeObjects, keep: readonly KubernetesObject[] = []): Promise<void> => {
  const { left } = await made.remove({ keep });
  if (left) throw new PreloadError(left);
};
