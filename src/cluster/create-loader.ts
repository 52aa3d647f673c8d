import { type KubernetesObject, ownerReference } from '../manifests/object.ts';
import type { Cluster } from './connection.ts';
import type { MadeObjects } from './made-objects.ts';
import { apply } from './objects.ts';

export interface LoaderObjects {
  configMap: KubernetesObject;
  secret?: KubernetesObject;
  claim: KubernetesObject;
  pod: KubernetesObject;
}

/**
 * Makes the objects of a loader; with its pod goes all but the claim. The config map comes first, since a pod that has to
 * wait for it starts a second later.
 */
export const createLoader = async (
  cluster: Cluster,
  { configMap, secret, ...rest }: LoaderObjects,
  made: MadeObjects,
  signal: AbortSignal,
): Promise<{ claim: KubernetesObject; pod: KubernetesObject }> => {
  const brought = [await made.create(configMap), ...(secret ? [await made.create(secret)] : [])];
  const claim = await made.create(rest.claim);
  const pod = await made.create(rest.pod);
  signal.throwIfAborted();
  for (const { apiVersion, kind, metadata } of brought) {
    const { name, namespace = '' } = metadata;
    const owned = { name, namespace, ownerReferences: [ownerReference(pod)] };
    await apply(cluster, { apiVersion, kind, metadata: owned }, { signal });
  }
  return { claim, pod };
};
