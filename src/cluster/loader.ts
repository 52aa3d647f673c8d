import type { KubernetesObject } from '../manifests/object.ts';
import { PreloadError } from '../model/errors.ts';
import { type LoaderPod, startProblem } from '../model/loader-state.ts';
import type { Cluster } from './connection.ts';
import { list, read } from './objects.ts';
import { poll } from './poll.ts';

interface Event {
  type: string;
  reason: string;
  message: string;
  lastTimestamp?: string;
  eventTime?: string;
}

const VOLUME_PATIENCE = 20_000; // provisioners try again after a failure
const MOUNT_PATIENCE = 30_000; // so do kubelets

/**
 * Waits until the loader's container runs, or has run: then its events say how it ended. Returns its node. Throws as soon
 * as it is clear that it never will run.
 */
export const loaderStarted = async (
  cluster: Cluster,
  pod: KubernetesObject,
  claim: KubernetesObject,
  signal: AbortSignal,
): Promise<string> => {
  const since = Date.now();
  return poll(signal, async () => {
    const current = await readLoader(cluster, pod, signal);
    const { phase, containerStatuses = [] } = current.status ?? {};
    if (phase === 'Running' || containerStatuses[0]?.state?.terminated) return current.spec.nodeName ?? '';
    const problem = startProblem(current, Date.now());
    if (problem) throw new PreloadError(problem.message, problem.hint);
    const failure = Date.now() - since > VOLUME_PATIENCE && (await provisioningFailure(cluster, claim, signal));
    if (failure)
      throw new PreloadError(`the volume cannot be made: ${failure}`, 'choose another --storage-class or --size');
    const warning = Date.now() - since > MOUNT_PATIENCE ? await lastWarning(cluster, pod) : undefined;
    if (warning?.startsWith('FailedMount: MountVolume.'))
      throw new PreloadError(`the volume cannot be mounted: ${warning.replace(/^FailedMount: /, '')}`);
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
  const current = await read<{ status?: { phase?: string } }>(cluster, 'PersistentVolumeClaim', name, options);
  return current?.status?.phase === 'Pending' ? lastWarning(cluster, claim) : undefined;
};

export const readLoader = async (
  cluster: Cluster,
  pod: KubernetesObject,
  signal: AbortSignal,
): Promise<KubernetesObject & LoaderPod> => {
  const namespace = pod.metadata.namespace ?? '';
  const current = await read<KubernetesObject & LoaderPod>(cluster, 'Pod', pod.metadata.name, { namespace, signal });
  if (!current || current.metadata.uid !== pod.metadata.uid || current.metadata.deletionTimestamp) {
    throw new PreloadError(`pod ${pod.metadata.name} was deleted by somebody else`);
  }
  return current;
};

/** A timeout alone says little: the last warning of the cluster about one of `objects` says what it waited for. */
export const explain = async (
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  error: PreloadError,
): Promise<PreloadError> => {
  for (const object of objects) {
    const warning = await lastWarning(cluster, object).catch(() => undefined);
    if (warning) return new PreloadError(`${error.message}: ${warning}`, error.hint);
  }
  return error;
};

/** The last warning about `object`, for a reason why something takes long. */
export const lastWarning = async (
  cluster: Cluster,
  { kind, metadata }: KubernetesObject,
): Promise<string | undefined> => {
  const { name, uid } = metadata; // an object of the same name may have been there before
  const about = `involvedObject.kind=${kind},involvedObject.name=${name}${uid ? `,involvedObject.uid=${uid}` : ''}`;
  const fieldSelector = `${about},type=Warning`;
  let last: Event | undefined;
  for await (const event of list<Event>(cluster, 'Event', { namespace: metadata.namespace ?? '', fieldSelector })) {
    if (!last || timeOf(event) >= timeOf(last)) last = event;
  }
  return last && `${last.reason}: ${last.message}`;
};

const timeOf = (event: Event): string => event.lastTimestamp ?? event.eventTime ?? '';
