import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { asObject, type Left, leftObjects, readLeftSecrets } from '../../cluster/leftovers.ts';
import { loaderEvents } from '../../cluster/pod.ts';
import { readRecord } from '../../cluster/records.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { objectNames } from '../../model/names.ts';
import type { VolumeSnapshot } from '../../model/storage-objects.ts';
import { summarizeRecord } from '../../model/summary.ts';
import { inRun, type Run } from '../pod-run.ts';
import { followCapture } from './follow.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { beginKeepLast } from './keep-last.ts';
import { cleanUpUnlessKept, type Made, releaseOnFailure } from './make.ts';
import { createRecord, keepRecord, withoutRecord } from './record.ts';
import { waitAndRetain } from './retain.ts';

/** Waits for a snapshot that an interrupted run has submitted, and cleans up after the run. */
export const finishPreload = async (
  cluster: Cluster,
  found: VolumeSnapshot,
  left: Left,
  context: Context,
): Promise<Made> => {
  const { progress, signal } = context;
  const { name, uid } = found.metadata;
  const snapshot = asObject('VolumeSnapshot', found);
  const { record, ...temporary } = leftObjects(left);
  const inputs = inputsIfThere(cluster, name, left);
  const { keep, settings } = inputs?.saved ?? { keep: false, settings: { name, namespace: cluster.namespace } };
  const secrets = inputs?.saved.settings.pullSecrets ?? [objectNames(name).secret];
  const keepLast = await beginKeepLast(cluster, inputs?.saved.keepLast, signal);
  const isRecordKept = left.record?.metadata.ownerReferences.some((owner) => owner.uid === uid);
  progress.done(`Continuing with the snapshot of preload ${name}`);
  return inRun(cluster, cleanUpUnlessKept({ keep, settings }), context, async (run) => {
    run.submitted = snapshot;
    const objects = [...(await readLeftSecrets(cluster, name, secrets, signal)), ...Object.values(temporary)];
    for (const object of objects) if (object) run.made.adopt(object);
    if (!isRecordKept) {
      const made = record ?? (await recordAgain(cluster, left, inputs, run, context));
      if (made) await keepRecord(cluster, made, snapshot, run.made, context);
      else progress.warn(withoutRecord('the interrupted run left no record', 'its loader is gone'));
    }
    const { claim, pod } = temporary;
    const watcher = {
      ...(claim && { onProblem: releaseOnFailure(run.made, { claim, isInUse: pod !== undefined }, context) }),
      retain: inputs?.saved.retain,
    };
    const summary = await waitAndRetain(cluster, snapshot, watcher, context);
    const contents = await readRecord(cluster, found, '', signal).catch(() => {
      signal.throwIfAborted();
      return undefined;
    });
    return { summary: { ...summary, ...(contents && summarizeRecord(contents)) }, saved: inputs?.saved, keepLast };
  });
};

/** Once the snapshot is submitted, not much depends on what the run started with. */
const inputsIfThere = (cluster: Cluster, name: string, left: Left): Inputs | undefined => {
  try {
    return readInputs(cluster, name, left);
  } catch {
    return undefined;
  }
};

/** Creates the record from what the loader reports while it holds the volume; undefined if it does not. */
const recordAgain = async (
  cluster: Cluster,
  left: Left,
  inputs: Inputs | undefined,
  run: Run,
  context: Context,
): Promise<KubernetesObject | undefined> => {
  const { pod } = leftObjects(left);
  if (!pod || !inputs) return undefined;
  const { settings, skipped, exclude } = inputs.saved;
  const capture = { node: left.pod?.spec.nodeName ?? '', skipped, exclude };
  try {
    const sealed = await followCapture(loaderEvents(cluster, pod, context.signal), capture, context);
    return sealed && 'record' in sealed ? createRecord(settings, sealed.record, run.made, context) : undefined;
  } catch {
    context.signal.throwIfAborted();
    return undefined;
  }
};
