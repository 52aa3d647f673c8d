import type * as v from 'valibot';
import type { KubernetesObject } from '../manifests/object.ts';
import { SNAPSHOT_API } from '../manifests/snapshot.ts';
import { ANY, type AnyObject, CONFIG_MAP, type ConfigMap, LOADER_POD } from '../model/cluster-objects.ts';
import { DEADLINE_ANNOTATION, NEVER, objectNames, selectorLabels } from '../model/names.ts';
import { CLAIM, VOLUME_SNAPSHOT, type VolumeSnapshot } from '../model/storage-objects.ts';
import type { Cluster } from './connection.ts';
import type { Kind } from './kinds.ts';
import { nullIfForbidden, patch, read } from './objects.ts';

/** What there is of a preload whose run was interrupted. */
export interface Left {
  configMap?: ConfigMap;
  claim?: v.InferOutput<typeof CLAIM>;
  planPod?: AnyObject;
  pod?: v.InferOutput<typeof LOADER_POD>;
  record?: ConfigMap;
  snapshot?: VolumeSnapshot;
}

/** Reads what a run of `create` for the preload `name` has left; nothing that others made. */
export const readLeft = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<Left> => {
  const names = objectNames(name);
  const own = async <S extends v.GenericSchema<unknown, AnyObject>>(kind: Kind, schema: S, objectName: string) => {
    const found = await read(cluster, kind, schema, objectName, { signal });
    return found && isOf(name, found) ? found : undefined;
  };
  const [configMap, claim, planPod, pod, record, snapshot] = await Promise.all([
    own('ConfigMap', CONFIG_MAP, names.configMap),
    own('PersistentVolumeClaim', CLAIM, names.claim),
    own('Pod', LOADER_POD, names.planPod),
    own('Pod', LOADER_POD, names.pod),
    own('ConfigMap', CONFIG_MAP, names.record),
    own('VolumeSnapshot', VOLUME_SNAPSHOT, names.snapshot),
  ]);
  return {
    ...(configMap && { configMap }),
    ...(claim && { claim }),
    ...(planPod && { planPod }),
    ...(pod && { pod }),
    ...(record && { record }),
    ...(snapshot && { snapshot }),
  };
};

/**
 * Sets the deadline of the run that continues, before it changes anything else: `delete --leftovers`, which begins with the
 * same config map, then leaves what the interrupted run left.
 */
export const markResumed = async (cluster: Cluster, { configMap }: Left, signal: AbortSignal): Promise<void> => {
  if (!configMap) return;
  const { name, annotations } = configMap.metadata;
  const isKept = annotations?.[DEADLINE_ANNOTATION] === NEVER;
  const metadata = { annotations: { [DEADLINE_ANNOTATION]: isKept ? NEVER : cluster.deadline } };
  await patch(cluster, 'ConfigMap', name, { metadata }, { signal });
};

/** Reads the Secrets with these names that a run for the preload `name` has left; none if this user may not read them. */
export const readLeftSecrets = async (
  cluster: Cluster,
  name: string,
  secrets: readonly string[],
  signal: AbortSignal,
): Promise<KubernetesObject[]> => {
  const found = await Promise.all(
    secrets.map((secret) => nullIfForbidden(read(cluster, 'Secret', ANY, secret, { signal }))),
  );
  return found.flatMap((secret) => (secret && isOf(name, secret) ? [asObject('Secret', secret)] : []));
};

/** The same as objects to remove or to own; without what they contain. */
export const leftObjects = ({ configMap, claim, planPod, pod, record }: Left) => ({
  configMap: configMap && asObject('ConfigMap', configMap),
  claim: claim && asObject('PersistentVolumeClaim', claim),
  planPod: planPod && asObject('Pod', planPod),
  pod: pod && asObject('Pod', pod),
  record: record && asObject('ConfigMap', record),
});

/** Whether this tool created the object for the preload `name`. */
export const isOf = (name: string, { metadata }: AnyObject): boolean =>
  Object.entries(selectorLabels(name)).every(([label, value]) => metadata.labels?.[label] === value);

/** An object without what it contains. */
export const asObject = (kind: Kind, { metadata }: AnyObject): KubernetesObject => {
  const { name, namespace, uid, creationTimestamp } = metadata;
  return {
    apiVersion: kind === 'VolumeSnapshot' ? SNAPSHOT_API : 'v1',
    kind,
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(creationTimestamp && { creationTimestamp }),
    },
  };
};
