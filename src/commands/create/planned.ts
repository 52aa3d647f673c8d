import { volumeClaim } from '../../manifests/loader.ts';
import { loaderPod, planPod } from '../../manifests/loader-pod.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import type { ConfigMap } from '../../manifests/run-bundle.ts';
import { volumeSnapshot } from '../../manifests/snapshot.ts';
import type { SavedRun } from '../../model/saved-run.ts';

/** A run with its objects. Those that have a UID are in the cluster already. */
export interface CreatePlan extends SavedRun {
  configMap: KubernetesObject;
  /** with pull secrets; none if no image needs one */
  secrets: readonly KubernetesObject[];
  claim: KubernetesObject;
  pod: KubernetesObject;
  snapshot: KubernetesObject;
  /** finds out what the loader will need; undefined if the size of the volume is known */
  planPod?: KubernetesObject;
  /** the same plan with a volume of another size, preferably on this node; undefined if the user chose the size */
  resized?: (size: string, node?: string) => CreatePlan;
}

export const plannedObjects = (
  saved: SavedRun,
  configMap: ConfigMap,
  secrets: readonly KubernetesObject[],
): CreatePlan => {
  const { settings, volume } = saved;
  const resized = (size: string, node?: string): CreatePlan => {
    const preferred = node && !settings.node && { preferredNode: node };
    return plannedObjects({ ...saved, settings: { ...settings, size, ...preferred } }, configMap, secrets);
  };
  return {
    ...saved,
    configMap,
    secrets,
    claim: volumeClaim(settings, configMap),
    pod: loaderPod(settings, configMap),
    snapshot: volumeSnapshot(settings),
    ...(volume === 'planned' && { planPod: planPod(settings, configMap) }),
    ...(volume !== 'chosen' && { resized }),
  };
};
