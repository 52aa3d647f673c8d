import { LOADER } from '../manifests/loader-pod.ts';
import { type KubernetesObject, ownerReference } from '../manifests/object.ts';
import { CLAIM, LOADER_POD } from '../model/cluster-objects.ts';
import { PreloadError } from '../model/errors.ts';
import { decodeEvent, type NumberedEvent } from '../model/events.ts';
import { type LoaderPod, loaderEnd, type PodTerms, startProblem } from '../model/pod-state.ts';
import type { Cluster } from './connection.ts';
import type { MadeObjects } from './made-objects.ts';
import { apply, read } from './objects.ts';
import { send } from './rest.ts';
import { pause, poll } from './wait.ts';
import { lastWarning } from './warnings.ts';

const VOLUME_PATIENCE = 20_000; // provisioners retry after a failure
const MOUNT_PATIENCE = 30_000; // so do kubelets

interface StartingPod {
  pod: KubernetesObject;
  claim: KubernetesObject;
  terms: PodTerms;
}

/**
 * Waits until the pod's container runs or has finished; its events tell how it ended. Returns its node. Throws
 * PreloadError as soon as it is clear that it cannot start.
 */
export const podStarted = async (
  cluster: Cluster,
  { pod, claim, terms }: StartingPod,
  signal: AbortSignal,
): Promise<string> => {
  const since = Date.now();
  return poll(signal, async () => {
    const current = await readLoader(cluster, pod, signal);
    const { phase, containerStatuses = [] } = current.status ?? {};
    if (phase === 'Running' || containerStatuses[0]?.state?.terminated) return current.spec.nodeName ?? '';
    const problem = startProblem(current, Date.now(), terms);
    if (problem) throw new PreloadError(problem.message, problem.hint);
    const failure = Date.now() - since > VOLUME_PATIENCE && (await provisioningFailure(cluster, claim, signal));
    if (failure) throw new PreloadError(`cannot create the volume: ${failure}`, terms.otherVolume);
    const warning = Date.now() - since > MOUNT_PATIENCE ? await lastWarning(cluster, pod) : undefined;
    if (warning?.startsWith('FailedMount: MountVolume.'))
      throw new PreloadError(`cannot mount the volume: ${warning.replace(/^FailedMount: /, '')}`, terms.otherVolume);
    return undefined;
  });
};

const provisioningFailure = async (
  cluster: Cluster,
  claim: KubernetesObject,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const { name, namespace = '' } = claim.metadata;
  const options = { namespace, signal };
  const current = await read(cluster, 'PersistentVolumeClaim', CLAIM, name, options);
  return current?.status?.phase === 'Pending' ? lastWarning(cluster, claim) : undefined;
};

const readLoader = async (cluster: Cluster, pod: KubernetesObject, signal: AbortSignal): Promise<LoaderPod> => {
  const namespace = pod.metadata.namespace ?? '';
  const current = await read(cluster, 'Pod', LOADER_POD, pod.metadata.name, { namespace, signal });
  if (!current || current.metadata.uid !== pod.metadata.uid || current.metadata.deletionTimestamp) {
    throw new PreloadError(
      `pod ${pod.metadata.name} was deleted by someone else`,
      'run the command again; if the node is being drained, use another one with --node',
    );
  }
  return current;
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
 * Creates the objects of a loader, except those that a plan pod already uses. Deleting the pod deletes everything but the
 * claim. Creates the config map first: a pod that has to wait for it starts a second later.
 */
export const createLoader = async (
  cluster: Cluster,
  { configMap, secrets = [], ...rest }: LoaderObjects,
  made: MadeObjects,
  signal: AbortSignal,
): Promise<{ claim: KubernetesObject; pod: KubernetesObject }> => {
  const dependents: KubernetesObject[] = [];
  for (const object of [configMap, ...secrets])
    dependents.push(object.metadata.uid ? object : await made.create(object));
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

/** Yields the loader's events in order, each once, even if the connection breaks. Ends when the container does. */
export const loaderEvents = async function* (
  cluster: Cluster,
  pod: KubernetesObject,
  signal: AbortSignal,
): AsyncGenerator<NumberedEvent> {
  let seen = 0;
  for (;;) {
    const ended = loaderEnd(await readLoader(cluster, pod, signal));
    for await (const line of logLines(cluster, pod, signal)) {
      const event = decodeEvent(line);
      if (!event || event.seq <= seen) continue;
      seen = event.seq;
      yield event;
    }
    if (ended) return;
    await pause(1000, signal);
  }
};

const logLines = async function* (
  cluster: Cluster,
  { metadata }: KubernetesObject,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log`;
  const response = await send(cluster, path, { query: { container: LOADER, follow: 'true' }, signal, streaming: true });
  let rest = '';
  try {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    signal.throwIfAborted(); // the caller reconnects
  }
};
