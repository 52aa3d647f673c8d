import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { asObject, type Left, readLeft, readLeftSecrets } from '../../cluster/leftovers.ts';
import { loaderEvents } from '../../cluster/pod.ts';
import { readRecord } from '../../cluster/records.ts';
import { REQUEST_KEY, RUN_KEY } from '../../manifests/loader.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { type ConfigMap, vouchFor } from '../../manifests/run-bundle.ts';
import type { VolumeSnapshot } from '../../model/cluster-objects.ts';
import { PreloadError } from '../../model/errors.ts';
import { gunzipText } from '../../model/gzip.ts';
import { INPUTS_ANNOTATION, objectNames, removeCommand, statusCommand } from '../../model/names.ts';
import { parse, parseJson } from '../../model/parse.ts';
import { type CaptureRequest, parseRequest } from '../../model/request.ts';
import { SAVED_RUN, type SavedRun } from '../../model/saved-run.ts';
import { type PreloadSummary, summarizeRecord } from '../../model/summary.ts';
import { inRun, type Run } from '../pod-run.ts';
import { waitForSnapshot } from '../ready-snapshot.ts';
import { followCapture } from './follow.ts';
import { cleanUpUnlessKept, type Leftovers, makePreload, releaseOnFailure } from './make.ts';
import { loaderDeadline } from './plan.ts';
import { type CreatePlan, plannedObjects } from './planned.ts';
import { planSecrets } from './pull-secrets.ts';
import { createRecord, keepRecord, withoutRecord } from './record.ts';

interface ResumeOptions {
  NAME: string;
  /** milliseconds */
  timeout: number;
}

/** Continues an interrupted run of create, in any phase. Throws PreloadError if there is no such run. */
export const resumePreload = async (
  cluster: Cluster,
  { NAME: name, timeout }: ResumeOptions,
  context: Context,
): Promise<PreloadSummary> => {
  const { signal } = context;
  const left = await readLeft(cluster, name, signal);
  if (left.snapshot) return finish(cluster, left.snapshot, left, context);
  const inputs = readInputs(cluster, name, left);
  context.progress.done(`Continuing the interrupted run for preload ${name}`);
  const { plan, leftovers } = await planAgain(cluster, inputs, left, { timeout, signal });
  return makePreload(cluster, plan, { left: leftovers }, context);
};

/** What a run started with. */
interface Inputs {
  saved: SavedRun;
  request: CaptureRequest;
  configMap: ConfigMap;
}

/** Reads what the run started with, if an object that runs with privileges, or made for one, vouches for it. */
const readInputs = ({ namespace }: Cluster, name: string, left: Left): Inputs => {
  const { configMap: found, claim, planPod, pod } = left;
  const command = removeCommand(name, namespace);
  if (!found && !claim && !planPod && !pod) {
    throw new PreloadError(
      `preload "${name}" has no interrupted run in namespace "${namespace}"`,
      `run create without --resume; see: ${statusCommand(name, namespace)}`,
    );
  }
  const again = `run create without --resume, after: ${command}`;
  if (!found) throw new PreloadError(`too little is left of the run for preload "${name}" to continue it`, again);
  const configMap: ConfigMap = { ...asObject('ConfigMap', found), binaryData: found.binaryData ?? {} };
  const expected = vouchFor(configMap)[INPUTS_ANNOTATION];
  const vouchers = [claim, planPod, pod].flatMap((object) => object?.metadata.annotations?.[INPUTS_ANNOTATION] ?? []);
  if (vouchers.length === 0)
    throw new PreloadError(`the run for preload "${name}" was interrupted before it captured anything`, again);
  if (vouchers.some((sum) => sum !== expected))
    throw new PreloadError(`configmap/${configMap.metadata.name} is not what the interrupted run sent`, again);
  try {
    const file = (key: string) => gunzipText(Buffer.from(configMap.binaryData[key] ?? '', 'base64'));
    const saved = parse(SAVED_RUN, parseJson(file(RUN_KEY)));
    const settings = { ...saved.settings, name, namespace };
    return { saved: { ...saved, settings }, request: parseRequest(file(REQUEST_KEY)), configMap };
  } catch (error) {
    const { message } = error as PreloadError;
    throw new PreloadError(`cannot use configmap/${configMap.metadata.name}: ${message}`, again);
  }
};

/** Once the snapshot is submitted, nothing depends on them any more. */
const inputsIfThere = (cluster: Cluster, name: string, left: Left): Inputs | undefined => {
  try {
    return readInputs(cluster, name, left);
  } catch {
    return undefined;
  }
};

/** The plan of the run with the objects that are used again: its volume, and its loader unless that has failed. */
const planAgain = async (
  cluster: Cluster,
  { saved, request, configMap }: Inputs,
  left: Left,
  { timeout, signal }: { timeout: number; signal: AbortSignal },
): Promise<{ plan: CreatePlan; leftovers: Leftovers }> => {
  const { name } = saved.settings;
  const { claim, planPod, pod, record } = objectsOf(left);
  const oldSecrets = await readLeftSecrets(cluster, name, saved.settings.pullSecrets, signal);
  const isClaimUsed = left.claim && !left.claim.metadata.deletionTimestamp;
  const isPodUsed =
    isClaimUsed && left.pod && !left.pod.metadata.deletionTimestamp && left.pod.status?.phase !== 'Failed';
  const size = isClaimUsed ? left.claim?.spec.resources?.requests?.storage : undefined;
  const settings = { ...saved.settings, ...(size && { size }), deadline: loaderDeadline(timeout) };

  const withNewLoader = async (): Promise<CreatePlan> => {
    const { images, cache } = request;
    const sources = { pullSecrets: new Set(saved.logins), serviceAccounts: new Set<string>(), isNamed: false };
    const { secrets } = await planSecrets(cluster, { name, images, cache, ...sources }, signal);
    const pullSecrets = secrets.map(({ metadata }) => metadata.name);
    return plannedObjects({ ...saved, settings: { ...settings, pullSecrets } }, configMap, secrets);
  };
  const planned = isPodUsed ? plannedObjects({ ...saved, settings }, configMap, oldSecrets) : await withNewLoader();
  const plan = { ...planned, ...(isClaimUsed && claim && { claim }), ...(isPodUsed && pod && { pod }) };
  const objects = [...oldSecrets, configMap, ...there(claim, planPod, pod, record)];
  const used = [
    ...[configMap, ...(isClaimUsed ? there(claim) : [])],
    ...(isPodUsed ? [...there(pod), ...oldSecrets] : []),
  ];
  return { plan, leftovers: { objects, used, withNewLoader } };
};

const objectsOf = ({ claim, planPod, pod, record, configMap }: Left) => ({
  configMap: configMap && asObject('ConfigMap', configMap),
  claim: claim && asObject('PersistentVolumeClaim', claim),
  planPod: planPod && asObject('Pod', planPod),
  pod: pod && asObject('Pod', pod),
  record: record && asObject('ConfigMap', record),
});

const there = (...objects: (KubernetesObject | undefined)[]): KubernetesObject[] =>
  objects.filter((object) => object !== undefined);

/** Waits for a snapshot that the run has submitted, and cleans up after the run. */
const finish = async (
  cluster: Cluster,
  found: VolumeSnapshot,
  left: Left,
  context: Context,
): Promise<PreloadSummary> => {
  const { progress, signal } = context;
  const { name } = found.metadata;
  const snapshot = asObject('VolumeSnapshot', found);
  const { configMap, claim, planPod, pod, record } = objectsOf(left);
  const inputs = inputsIfThere(cluster, name, left);
  const { namespace } = cluster;
  const secrets = inputs?.saved.settings.pullSecrets ?? [objectNames(name).secret];
  const saved = inputs?.saved ?? { keep: false, settings: { name, namespace } };
  const isRecordKept = left.record?.metadata.ownerReferences.some(({ uid }) => uid === found.metadata.uid);
  progress.done(`Continuing with the snapshot of preload ${name}`);
  return inRun(cluster, cleanUpUnlessKept(saved), context, async (run) => {
    run.submitted = snapshot;
    const objects = [
      ...(await readLeftSecrets(cluster, name, secrets, signal)),
      ...there(configMap, claim, planPod, pod),
    ];
    objects.forEach(run.made.adopt);
    if (record && !isRecordKept) run.made.adopt(record);
    const current =
      record ??
      (pod &&
        inputs &&
        (await recordAgain(cluster, { pod, node: left.pod?.spec.nodeName ?? '' }, inputs, run, context)));
    if (current && !isRecordKept) await keepRecord(cluster, current, snapshot, run.made, context);
    else if (!current) progress.warn(withoutRecord('the interrupted run left no record', 'its loader is gone'));
    const letGo = claim && releaseOnFailure(run.made, { claim, isInUse: pod !== undefined }, context);
    const summary = await waitForSnapshot(cluster, snapshot, context, letGo);
    const contents = await readRecord(cluster, found, '', signal).catch(() => {
      signal.throwIfAborted();
      return undefined;
    });
    return { ...summary, ...(contents && summarizeRecord(contents)) };
  });
};

/** Creates the record again from what the loader reports while it holds the volume. */
const recordAgain = async (
  cluster: Cluster,
  { pod, node }: { pod: KubernetesObject; node: string },
  { saved }: Inputs,
  run: Run,
  context: Context,
): Promise<KubernetesObject | undefined> => {
  const { signal } = context;
  const capture = { node, skipped: saved.skipped };
  try {
    const sealed = await followCapture(loaderEvents(cluster, pod, signal), capture, context);
    return sealed && 'record' in sealed ? createRecord(saved.settings, sealed.record, run.made, context) : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
};
