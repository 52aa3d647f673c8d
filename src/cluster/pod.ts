import type { KubernetesObject } from '../manifests/object.ts';
import { type AnyObject, LOADER_POD } from '../model/cluster-objects.ts';
import { AnswerTimeout, ApiError, BrokenAnswer, PreloadError, TimedOut } from '../model/errors.ts';
import { decodeEvent, type NumberedEvent } from '../model/events.ts';
import { CONTAINER } from '../model/names.ts';
import { containerState, endHint, finalReport, type LoaderPod, loaderEnd, type PodTerms } from '../model/pod-state.ts';
import { createStartPatience, eventProblem, type StartProblem, startProblem } from '../model/start-problem.ts';
import { CLAIM } from '../model/storage-objects.ts';
import { changes } from './changes.ts';
import type { Cluster } from './connection.ts';
import type { MadeObjects } from './made-objects.ts';
import { read, setOwner } from './objects.ts';
import { sendForLines } from './rest.ts';
import { pause } from './wait.ts';
import { lastWarning } from './warnings.ts';
import { isPassing } from './weather.ts';

const QUIET = 5000; // milliseconds at the start without a look at events: most pods have started by then

interface StartingPod {
  pod: KubernetesObject;
  claim: KubernetesObject;
  terms: PodTerms;
  /** node that the user requires */
  node?: string | undefined;
  /** gets what delays the pod, and may still pass */
  onProblem: (problem: string) => void;
}

/**
 * Waits until the pod's container runs or has finished; its events tell how it ended. Returns its node. Throws PreloadError
 * if something keeps it from starting that cannot pass by itself.
 */
export const podStarted = async (cluster: Cluster, starting: StartingPod, signal: AbortSignal): Promise<string> => {
  const { pod, terms, node, onProblem } = starting;
  const began = performance.now();
  const lastsTooLong = createStartPatience();
  let problem: StartProblem | undefined;
  const place = { namespace: pod.metadata.namespace ?? '', signal };
  try {
    for await (const found of changes(cluster, 'Pod', LOADER_POD, pod.metadata.name, place)) {
      const current = sameLoader(found, pod);
      if (current.status?.phase === 'Running' || containerState(current)?.terminated)
        return current.spec.nodeName ?? '';
      const now = performance.now();
      const ofPod = startProblem(current, terms, node);
      problem = ofPod ?? (now - began > QUIET ? await problemInEvents(cluster, starting, signal) : undefined);
      if (lastsTooLong(problem, now)) throw new PreloadError(problem?.message ?? '', problem?.hint);
      if (problem) onProblem(problem.message);
    }
  } catch (error) {
    if (!problem || !(error instanceof TimedOut)) throw error;
    const hint = ['raise --timeout', problem.hint].filter(Boolean).join(', or ');
    throw new PreloadError(`${error.message}; ${problem.message}`, hint);
  }
  throw new Error('a wait has no end'); // changes() yields for ever
};

/** The last warning about a claim that has no volume yet, or else about the pod. */
const problemInEvents = async (
  cluster: Cluster,
  { pod, claim, terms }: StartingPod,
  signal: AbortSignal,
): Promise<StartProblem | undefined> => {
  const { name, namespace = '' } = claim.metadata;
  const current = await read(cluster, 'PersistentVolumeClaim', CLAIM, name, { namespace, signal });
  const isPending = current?.status?.phase === 'Pending';
  const warning =
    (isPending && (await lastWarning(cluster, claim, signal))) || (await lastWarning(cluster, pod, signal));
  return warning && eventProblem(warning, terms);
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
  const ended = await readLoader(cluster, pod, signal);
  return new PreloadError(`${terms.pod} ended early: ${loaderEnd(ended) ?? 'no reason given'}`, endHint(ended));
};

interface LoaderObjects {
  configMap: KubernetesObject;
  /** are deleted together with the pod */
  secrets?: readonly KubernetesObject[];
  claim: KubernetesObject;
  pod: KubernetesObject;
}

/**
 * Creates the objects of a loader, except those that are there already. Creates the pod last: one that has to wait for what
 * it mounts starts a second later.
 */
export const createLoader = async (
  cluster: Cluster,
  { secrets = [], ...rest }: LoaderObjects,
  made: MadeObjects,
  signal: AbortSignal,
): Promise<{ configMap: KubernetesObject; claim: KubernetesObject; pod: KubernetesObject }> => {
  const ensure = async (object: KubernetesObject) => (object.metadata.uid ? object : made.create(object));
  const owned: KubernetesObject[] = [];
  for (const secret of secrets) owned.push(await ensure(secret));
  const configMap = await ensure(rest.configMap);
  const claim = await ensure(rest.claim);
  const pod = await ensure(rest.pod);
  signal.throwIfAborted();
  for (const object of owned) await setOwner(cluster, object, pod, { signal });
  return { configMap, claim, pod };
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
  return sendForLines(cluster, path, { query: { container: CONTAINER, follow: 'true' }, signal, idle: SILENCE });
};

const LAST_LINES = 200;

/** Returns the end of the loader's log. */
export const lastLogLines = async (
  cluster: Cluster,
  { metadata }: KubernetesObject,
  signal: AbortSignal,
): Promise<string[]> => {
  const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log`;
  const query = { container: CONTAINER, tailLines: String(LAST_LINES) };
  return Array.fromAsync(sendForLines(cluster, path, { query, signal, idle: SILENCE }));
};
