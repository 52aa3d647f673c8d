import type * as v from 'valibot';
import type { KubernetesObject } from '../manifests/object.ts';
import { ANY, type AnyObject, LOADER_POD } from '../model/cluster-objects.ts';
import { ApiError } from '../model/errors.ts';
import { whyInUse } from '../model/left-run.ts';
import { COMPONENT_LABEL, INSTANCE_LABEL, objectNames, selector } from '../model/names.ts';
import type { LoaderPod } from '../model/pod-state.ts';
import type { Cluster } from './connection.ts';
import type { Kind } from './kinds.ts';
import { asObject } from './leftovers.ts';
import { list } from './lists.ts';
import { read, remove } from './objects.ts';
import { deleteWithClaim } from './volumes.ts';

/** What a run of `create` or `verify` for one preload has created for its own use. */
export interface LeftRun {
  /** of the preload */
  name: string;
  namespace: string;
  component: 'loader' | 'verify';
  /** what must go first comes first */
  objects: LeftObject[];
}

interface LeftObject extends AnyObject {
  kind: Kind;
  /** of a pod */
  state?: LoaderPod;
}

interface Place {
  /** all namespaces if undefined */
  namespace: string | undefined;
  /** of a preload */
  name?: string;
  /** `all`: also those that are all that is left of a run; by default, none are read if nothing else is left */
  secrets?: 'all';
}

/** Lists what runs have created for their own use, by run, also of those that have not ended. */
export const listLeftRuns = async (cluster: Cluster, place: Place, signal: AbortSignal): Promise<LeftRun[]> => {
  const { namespace, name } = place;
  const labelSelector = `${selector(name)},${COMPONENT_LABEL} in (loader,verify)`;
  const options = { labelSelector, signal, ...(namespace && { namespace }) };
  const all = async <S extends v.GenericSchema<unknown, AnyObject>>(kind: Kind, schema: S): Promise<LeftObject[]> =>
    (await Array.fromAsync(list(cluster, kind, schema, options))).map(({ metadata }) => ({ kind, metadata }));
  const [configMaps, claims, pods] = await Promise.all([
    all('ConfigMap', ANY),
    all('PersistentVolumeClaim', ANY),
    Array.fromAsync(list(cluster, 'Pod', LOADER_POD, options)),
  ]);
  const ofPods = pods.map(({ metadata, ...state }): LeftObject => ({ kind: 'Pod', metadata, state }));
  const others = [...configMaps, ...claims, ...ofPods];
  const mayHaveSecrets = place.secrets === 'all' || others.length > 0;
  const forbidden = (error: unknown) => noneIfForbidden(cluster, error);
  const runs = byRun([...others, ...(mayHaveSecrets ? await all('Secret', ANY).catch(forbidden) : [])]);
  const needed = await Promise.all(runs.map((run) => withoutNeededRecord(cluster, run, signal)));
  return needed.filter(({ objects }) => objects.length > 0);
};

const noneIfForbidden = (cluster: Cluster, error: unknown): LeftObject[] => {
  if (!(error instanceof ApiError && error.reason === 'Forbidden')) throw error;
  cluster.warn(`secrets that interrupted runs left stay, because this user may not list them: ${error.message}`);
  return [];
};

const byRun = (objects: readonly LeftObject[]): LeftRun[] => {
  const runs = new Map<string, LeftRun>();
  for (const object of objects) {
    const { labels = {}, namespace = '' } = object.metadata;
    const name = labels[INSTANCE_LABEL] ?? '';
    const component = labels[COMPONENT_LABEL] === 'verify' ? 'verify' : 'loader';
    if (!isOfRun(object, name)) continue;
    const key = `${namespace}/${name}/${component}`;
    const run = runs.get(key) ?? { name, namespace, component, objects: [] };
    run.objects.push(object);
    runs.set(key, run);
  }
  return [...runs].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, run]) => run);
};

/** Leaves out what has the labels of a run's objects but not their names. */
const isOfRun = ({ kind, metadata }: LeftObject, name: string): boolean => {
  const { secret, configMap, record, claim, pod, planPod, verify } = objectNames(name);
  if (kind === 'Secret') return metadata.name === secret || metadata.name.startsWith(`${secret}.`);
  return [configMap, record, claim, pod, planPod, verify].includes(metadata.name);
};

/** A record without an owner stays while its snapshot is there: `create --resume` can still make it part of the preload. */
const withoutNeededRecord = async (cluster: Cluster, run: LeftRun, signal: AbortSignal): Promise<LeftRun> => {
  const { name, namespace, objects } = run;
  const { record, snapshot } = objectNames(name);
  const others = objects.filter(({ kind, metadata }) => kind !== 'ConfigMap' || metadata.name !== record);
  const isNeeded =
    others.length < objects.length && (await read(cluster, 'VolumeSnapshot', ANY, snapshot, { namespace, signal }));
  return isNeeded ? { ...run, objects: others } : run;
};

interface RemoveOptions {
  signal: AbortSignal;
  /** the server only checks the requests */
  dryRun?: boolean;
}

/**
 * Requests the deletion of what an ended run left, and returns it; undefined if the run is in use again. To be sure, looks
 * once more, and begins with the config map, which a run that continues changes first.
 */
export const removeLeftRun = async (
  cluster: Cluster,
  { name, namespace, component }: LeftRun,
  now: number,
  options: RemoveOptions,
): Promise<KubernetesObject[] | undefined> => {
  const runs = await listLeftRuns(cluster, { namespace, name, secrets: 'all' }, options.signal);
  const run = runs.find((each) => each.component === component);
  const [first, ...others] = run?.objects ?? [];
  if (!run || !first || whyInUse(run.objects, now)) return undefined;
  const { resourceVersion } = first.metadata;
  const isUnused = await removeObject(cluster, first, { ...options, resourceVersion });
  return isUnused ? [asObject(first.kind, first), ...(await removeObjects(cluster, others, options))] : undefined;
};

/** Requests the deletion of these objects, and returns those that were there. */
export const removeObjects = async (
  cluster: Cluster,
  objects: readonly LeftObject[],
  options: RemoveOptions,
): Promise<KubernetesObject[]> => {
  const removed: KubernetesObject[] = [];
  for (const object of objects)
    if (await removeObject(cluster, object, options)) removed.push(asObject(object.kind, object));
  return removed;
};

const removeObject = async (
  cluster: Cluster,
  left: LeftObject,
  options: RemoveOptions & { resourceVersion?: string | undefined },
): Promise<boolean> => {
  const object = asObject(left.kind, left);
  if (left.kind === 'PersistentVolumeClaim' && !options.dryRun) await deleteWithClaim(cluster, object, options.signal);
  return remove(cluster, object, options);
};
