import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import type { MadeObjects } from '../../cluster/made-objects.ts';
import { createLoader, endedEarly, loaderEvents, podStarted } from '../../cluster/pod.ts';
import { isAttached, readySnapshot } from '../../cluster/snapshots.ts';
import { deleteWithClaim } from '../../cluster/volumes.ts';
import { poll } from '../../cluster/wait.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { PreloadError, TimedOut } from '../../model/errors.ts';
import { removeCommand, resumeCommand } from '../../model/names.ts';
import { LOADER_TERMS } from '../../model/pod-state.ts';
import type { SavedRun } from '../../model/saved-run.ts';
import { type PreloadSummary, summarizeRecord } from '../../model/summary.ts';
import { formatQuantity } from '../../model/units.ts';
import { inRun, type Run, submit } from '../pod-run.ts';
import { step, waitStep } from '../step.ts';
import { describeOutcome, followCapture, newBytes, RESOLVING, type SealedVolume, type TooSmall } from './follow.ts';
import { beginKeepLast, type KeepLast } from './keep-last.ts';
import type { CreatePlan } from './planned.ts';
import { createRecord, keepRecord } from './record.ts';
import { writeReport } from './report.ts';
import { waitAndRetain } from './retain.ts';
import { withRightSize, withVolume } from './size.ts';

interface MakeOptions {
  /** file that gets what a maintainer needs if this fails */
  report?: string | undefined;
  /** whether to wait until the snapshot can be used */
  wait?: boolean;
  /** of an interrupted run */
  left?: Leftovers;
}

/** A preload that a run has made. */
export interface Made {
  summary: PreloadSummary;
  /** undefined if an interrupted run did not leave it */
  saved?: SavedRun | undefined;
  /** what it replaces */
  keepLast?: KeepLast | undefined;
  /** compressed bytes of layers that the base did not have; undefined if unknown */
  newBytes?: number;
}

/** What an interrupted run left. */
export interface Leftovers {
  /** in the order in which they were created */
  objects: readonly KubernetesObject[];
  /** those of them that are used again */
  used: readonly KubernetesObject[];
  /** the same plan with another loader, for which nothing is there yet */
  withNewLoader: () => Promise<CreatePlan>;
}

/**
 * Creates the objects of `plan`, captures and snapshots, step by step. In the end, nothing is left but the snapshot and its
 * record; `keep` also leaves the volume, and the loader unless the volume must be unmounted first. A failure leaves nothing,
 * unless the volume was complete.
 */
export const makePreload = async (
  cluster: Cluster,
  plan: CreatePlan,
  { report, wait = true, left }: MakeOptions,
  context: Context,
): Promise<Made> => {
  const onFailure = (failure: PreloadError, run: Run) =>
    report ? writeReport(report, failure, { cluster, plan, run }, context) : Promise.resolve();
  const keepLast = await beginKeepLast(cluster, plan.keepLast, context.signal);
  return inRun(cluster, { ...cleanUpUnlessKept(plan, wait), onFailure }, context, async (run) => {
    const { made } = run;
    left?.objects.forEach(made.adopt);
    if (left && left.used.length < left.objects.length) await removeOrThrow(made, left.used);
    const named = await takeName(cluster, plan, made, context.signal);
    const sized = await withRightSize(cluster, named, made, context);
    const { claim, sealed } = await runLoader(cluster, sized, run, left, context);
    run.resume = resumeCommand(plan.settings.name, plan.settings.namespace);
    if (!sealed.readOnly) await releaseVolume(cluster, claim, made, context);
    const record = await createRecord(plan.settings, sealed.record, made, context);
    const snapshot = await submit(cluster, run, plan.snapshot, context);
    if (record) await keepRecord(cluster, record, snapshot, made, context);
    const onProblem = releaseOnFailure(made, { claim, isInUse: sealed.readOnly }, context);
    const watcher = { until: wait ? 'ready' : 'bound', onProblem, retain: plan.retain } as const;
    const summary = await waitAndRetain(cluster, snapshot, watcher, context);
    const isKnown = sealed.images.length === sealed.record.images.length;
    return {
      summary: { ...summary, ...summarizeRecord(sealed.record) },
      saved: plan,
      keepLast,
      ...(isKnown && { newBytes: newBytes(sealed.images) }),
    };
  });
};

/** Creates the config map first: of two runs for one preload, only one can. */
const takeName = async (
  cluster: Cluster,
  plan: CreatePlan,
  made: MadeObjects,
  signal: AbortSignal,
): Promise<CreatePlan> => {
  if (plan.configMap.metadata.uid) return plan;
  const configMap = await made.create(plan.configMap);
  // another run may have deleted it before the config map could protect it
  const { base } = plan.settings;
  if (base) await readySnapshot(cluster, base, 'run create again', signal);
  return { ...plan, configMap };
};

interface Kept {
  keep: boolean;
  settings: { name: string; namespace: string };
}

/** How a run with this plan cleans up. */
export const cleanUpUnlessKept = ({ keep, settings: { name, namespace } }: Kept, wait = true) => {
  const command = removeCommand(name, namespace);
  return keep ? {} : { cleanup: { title: 'Removing the loader and its volume', command, wait } };
};

/** Some storage takes snapshots only of volumes that no node uses: removes the loader if the first try fails. */
export const releaseOnFailure = (
  made: MadeObjects,
  volume: { claim: KubernetesObject; isInUse: boolean },
  { progress }: Context,
) => {
  let { isInUse } = volume;
  return async (problem: string): Promise<void> => {
    if (!isInUse) return;
    isInUse = false;
    progress.warn(
      `the snapshot of a volume in use failed: ${problem}; removing the loader, so that the driver can try again without it`,
    );
    const { left } = await made.remove({ keep: [volume.claim] });
    for (const message of left) progress.warn(message);
  };
};

/**
 * Captures to a volume; to a larger one if the loader finds that the first is too small. If an interrupted run's loader
 * cannot finish, another one continues on its volume.
 */
const runLoader = async (
  cluster: Cluster,
  plan: CreatePlan,
  run: Run,
  left: Leftovers | undefined,
  context: Context,
): Promise<{ claim: KubernetesObject; sealed: SealedVolume }> => {
  const { made } = run;
  const { size, storageClass } = plan.settings;
  const { configMap, claim, pod } = await step(context, {
    title: left ? 'Creating the loader' : `Creating a volume of ${size}`,
    do: async () => createLoader(cluster, await withVolume(cluster, plan, made, context.signal), made, context.signal),
    done: () => `Volume ${size}${storageClass ? ` (${storageClass})` : ''}`,
  });
  const isAdopted = pod === plan.pod;
  let outcome: Outcome;
  try {
    outcome = await followLoader(cluster, { ...plan, claim, pod }, run, context);
    if (isAdopted && 'record' in outcome && outcome.record.incomplete) throw new PreloadError('its reports are lost');
  } catch (error) {
    if (!left || !isAdopted) throw error;
    context.signal.throwIfAborted();
    const { message } = error as PreloadError;
    context.progress.warn(
      `another loader continues on the volume, because the one of the interrupted run failed: ${message}`,
    );
    await removeOrThrow(made, [configMap, claim]);
    return runLoader(cluster, { ...(await left.withNewLoader()), claim }, run, left, context);
  }
  if ('record' in outcome) return { claim, sealed: outcome };
  const larger = formatQuantity(outcome.size);
  if (!plan.resized) {
    throw new PreloadError(
      `the volume is too small for these images; the largest are ${outcome.largest.join(', ')}`,
      `run create again with --size ${larger}`,
    );
  }
  await waitStep(context, {
    title: 'Removing the small volume',
    do: () => removeOrThrow(made, [configMap]),
    done: () => 'Removed the small volume',
  });
  return runLoader(cluster, { ...plan.resized(larger), configMap }, run, left, context);
};

type Outcome = SealedVolume | TooSmall;

const followLoader = async (cluster: Cluster, plan: CreatePlan, run: Run, context: Context): Promise<Outcome> => {
  const { signal, now } = context;
  const { claim, pod } = plan;
  const node = await waitStep(context, {
    title: 'Starting the loader',
    do: (onProblem) =>
      podStarted(cluster, { pod, claim, terms: LOADER_TERMS, node: plan.settings.node, onProblem }, signal),
    done: (node) => `Loader running on ${node}`,
  });
  if (!plan.keep) run.volume = await deleteWithClaim(cluster, claim, signal);
  const started = now();
  return step(context, {
    title: RESOLVING,
    do: async () => {
      const followed = await followCapture(loaderEvents(cluster, pod, signal), { node, ...plan }, context);
      if (!followed) throw await endedEarly(cluster, pod, LOADER_TERMS, signal);
      return followed;
    },
    done: (followed) => describeOutcome(followed, now() - started),
  });
};

const STILL_ATTACHED = 'a node still has the volume, so not all data may be on it';
const DETACH = 'see why it is not detached: kubectl describe volumeattachments; or raise --timeout';

/** If the filesystem could not be made read-only, only an unmounted volume is certain to have all data. */
const releaseVolume = async (cluster: Cluster, claim: KubernetesObject, made: MadeObjects, context: Context) => {
  const { progress, signal } = context;
  const wasAttached = await waitStep(context, {
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

const removeOrThrow = async (made: MadeObjects, keep: readonly KubernetesObject[] = []): Promise<void> => {
  const { left } = await made.remove({ keep });
  if (left.length > 0) throw new PreloadError(left.join('\n'));
};
