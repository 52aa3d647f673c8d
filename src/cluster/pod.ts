import type { KubernetesObject } from '../manifests/object.ts';
import { PreloadError } from '../model/errors.ts';
import { type LoaderPod, startProblem } from '../model/pod-state.ts';
import type { Cluster } from './connection.ts';
import { read } from './objects.ts';
import { poll } from './wait.ts';
import { lastWarning } from './warnings.ts';

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
    throw new PreloadError(
      `pod ${pod.metadata.name} was deleted by somebody else`,
      'create again; if its node is being drained, name another one with --node',
    );
  }
  return current;
};
