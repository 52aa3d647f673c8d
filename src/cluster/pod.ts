import { LOADER } from '../manifests/loader-pod.ts';
import { type KubernetesObject, ownerReference } from '../manifests/object.ts';
import { type AnyObject, CLAIM, LOADER_POD } from '../model/cluster-objects.ts';
import { AnswerTimeout, ApiError, BrokenAnswer, PreloadError, TimedOut } from '../model/errors.ts';
import { decodeEvent, type NumberedEvent } from '../model/events.ts';
import { finalReport, type LoaderPod, loaderEnd, type PodTerms, startProblem } from '../model/pod-state.ts';
import { changes } from './changes.ts';
import type { Cluster } from './connection.ts';
import type { MadeObjects } from './made-objects.ts';
import { apply, read } from './objects.ts';
import { sendForLines } from './rest.ts';
import { pause } from './wait.ts';
import { isScalingUp, lastWarning } from './warnings.ts';
import { isPassing } from './weather.ts';

const PATIENCE = 20_000; // with the scheduler and the provisioner; the volume may not be created yet
const MOUNT_PATIENCE = 30_000; // kubelets try again

interface StartingPod {
  pod: KubernetesObject;
  claim: KubernetesObject;
  terms: PodTerms;
  /** gets what delays the pod, and may still pass */
  onProblem: (problem: string) => void;
}

/**
 * Waits until the pod's container runs or has finished; its events tell how it ended. Returns its node. Throws
 * PreloadError as soon as it is clear that it cannot start. Provisioners try again, so their errors end only the time limit.
 */
export const podStarted = async (
  cluster: Cluster,
  { pod, claim, terms, onProblem }: StartingPod,
  signal: AbortSignal,
): Promise<string> => {
  const since = performance.now();
  let unschedulableSince: number | undefined;
  let mountFailure: string | undefined; // its time
  let problem: string | undefined;
  const place = { namespace: pod.metadata.namespace ?? '', signal };
  try {
    for await (const found of changes(cluster, 'Pod', LOADER_POD, pod.metadata.name, place)) {
      const current = sameLoader(found, pod);
      const { phase, containerStatuses = [] } = current.status ?? {};
      if (phase === 'Running' || containerStatuses[0]?.state?.terminated) return current.spec.nodeName ?? '';
      const now = performance.now();
      const obstacle = startProblem(current, terms);
      unschedulableSince = obstacle?.mayPass ? (unschedulableSince ?? now) : undefined;
      if (obstacle && !obstacle.mayPass) throw new PreloadError(obstacle.message, obstacle.hint);
      if (obstacle && now - (unschedulableSince ?? now) > PATIENCE) {
        if (!(await isScalingUp(cluster, pod, signal))) throw new PreloadError(obstacle.message, obstacle.hint);
        onProblem('an autoscaler is adding a node');
      }
      const warning = now - since > PATIENCE ? await provisioningFailure(cluster, claim, signal) : undefined;
      problem = warning && `cannot create the volume: ${warning.text}`;
      if (problem) onProblem(problem);
      const failure = now - since > MOUNT_PATIENCE ? await lastWarning(cluster, pod, signal) : undefined;
      if (!failure?.text.startsWith('FailedMount: MountVolume.')) continue;
      const message = `cannot mount the volume: ${failure.text.replace(/^FailedMount: /, '')}`;
      // an old warning may be about what has passed
      if (mountFailure && failure.time !== mountFailure) throw new PreloadError(message, terms.otherVolume);
      mountFailure = failure.time;
      onProblem(message);
    }
  } catch (error) {
    if (!problem || !(error instanceof TimedOut)) throw error;
    throw new PreloadError(`${error.message}; ${problem}`, `${terms.otherVolume}, or raise --timeout`);
  }
  throw new Error('a wait has no end'); // changes() yields for ever
};

const provisioningFailure = async (cluster: Cluster, claim: KubernetesObject, signal: AbortSignal) => {
  const { name, namespace = '' } = claim.metadata;
  const options = { namespace, signal };
  const current = await read(cluster, 'PersistentVolumeClaim', CLAIM, name, options);
  return current?.status?.phase === 'Pending' ? lastWarning(cluster, claim, signal) : undefined;
};

const readLoader = async (cluster: Cluster, pod: KubernetesObject, signal: AbortSignal): Promise<LoaderPod> => {
  const namespace = pod.metadata.namespace ?? '';
  return sameLoader(await read(cluster, 'Pod', LOADER_POD, pod.metadata.name, { namespace, signal }), pod);
};

/** Returns `found`. Throws PreloadError if it is not `pod`, or will not be for long. */
const sameLoader = <T extends AnyObject>(found: T | undefined, pod: KubernetesObject): T => {
  if (found?.metadata.uid === pod.metadata.uid && found && !found.metadata.deletionTimestamp) return found;
  throw new PreloadError(
    `pod ${pod.metadata.name} was deleted by someone else`,
    'run the command again; if the node is being drained, use another one with --node',
  );
};

/** Returns the error for a pod whose events ended before its work did. */
export const endedEarly = async (
  cluster: Cluster,
  pod: KubernetesObject,
  terms: PodTerms,
  signal: AbortSignal,
): Promise<PreloadError> => {
  const end = loaderEnd(await readLoader(cluster, pod, signal));
  const hint = end?.startsWith('StartError') ? 'use --image to specify an image with Node.js 22 or newer' : undefined;
  return new PreloadError(`${terms.pod} ended early: ${end ?? 'no reason given'}`, hint);
};

interface LoaderObjects {
  configMap: KubernetesObject;
  secrets?: readonly KubernetesObject[];
  claim: KubernetesObject;
  pod: KubernetesObject;
}

/**
 * Creates the objects of a loader. Deleting the pod deletes everything but the claim. Creates the config map first:
 * a pod that has to wait for it starts a second later.
 */
export const createLoader = async (
  cluster: Cluster,
  { configMap, secrets = [], ...rest }: LoaderObjects,
  made: MadeObjects,
  signal: AbortSignal,
): Promise<{ claim: KubernetesObject; pod: KubernetesObject }> => {
  const dependents: KubernetesObject[] = [];
  for (const object of [configMap, ...secrets]) dependents.push(await made.create(object));
  const claim = await made.create(rest.claim);
  const pod = await made.create(rest.pod);
  signal.throwIfAborted();
  for (const { apiVersion, kind, metadata } of dependents) {
    const { name, namespace = '' } = metadata;
    const owned = { name, namespace, ownerReferences: [ownerReference(pod)] };
    await apply(cluster, { apiVersion, kind, metadata: owned }, { signal });
  }
  return { claim, pod };
};

const RETRY_INTERVAL = 1000;
const SILENCE = 20_000;
const LAST_READS = 5; // of the log of a container that has ended

/**
 * Yields the loader's events in order, each once, even if connections break. Ends when the container does. If its log
 * cannot be read or has lost the last event, that one comes from the container's status.
 */
export const loaderEvents = async function* (
  cluster: Cluster,
  pod: KubernetesObject,
  signal: AbortSignal,
): AsyncGenerator<NumberedEvent> {
  let seen = 0;
  let gap: number | undefined; // the event before it; the log has been read again because of it
  let lastReads = 0;
  for (;;) {
    const current = await readLoader(cluster, pod, signal);
    const ended = loaderEnd(current) !== undefined;
    let isWhole = false;
    try {
      for await (const line of logLines(cluster, pod, signal)) {
        const event = decodeEvent(line);
        if (!event || event.seq <= seen) continue;
        if (event.seq > seen + 1 && gap !== seen) {
          gap = seen;
          throw new BrokenAnswer('reports are missing');
        }
        seen = event.seq;
        yield event;
      }
      isWhole = true;
    } catch (error) {
      if (!isPassingForLogs(error)) throw error;
      if (!(error instanceof AnswerTimeout))
        cluster.warn(`reading the log of ${pod.metadata.name} again: ${messageOf(error)}`);
    }
    lastReads += ended ? 1 : 0;
    if (ended && (isWhole || lastReads >= LAST_READS)) {
      const event = finalReport(current).map(decodeEvent).findLast(Boolean);
      if (event && event.seq > seen) yield event;
      return;
    }
    await pause(RETRY_INTERVAL, signal);
  }
};

const messageOf = (error: unknown): string => (error as Error).message;

/** The server gets logs from the kubelet, and reports all failures on that way, which pass, too, as its own. */
const isPassingForLogs = (error: unknown): boolean =>
  isPassing(error) || (error instanceof ApiError && error.code >= 500);

const logLines = (cluster: Cluster, { metadata }: KubernetesObject, signal: AbortSignal): AsyncGenerator<string> => {
  const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log`;
  return sendForLines(cluster, path, { query: { container: LOADER, follow: 'true' }, signal, idle: SILENCE });
};
