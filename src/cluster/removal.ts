import { type KubernetesObject, objectName } from '../manifests/object.ts';
import { ANY, VOLUME_USER } from '../model/cluster-objects.ts';
import { ApiError, PreloadError } from '../model/errors.ts';
import { changes } from './changes.ts';
import type { Cluster } from './connection.ts';
import type { Kind } from './kinds.ts';
import { list } from './lists.ts';
import { nullIfForbidden, read } from './objects.ts';

/** How long to wait until an object is gone, in milliseconds. */
export const REMOVAL_PATIENCE = 60_000;

/** Waits until the object is gone. Returns false if it is not, and waiting for it has become useless. */
export const gone = async (
  cluster: Cluster,
  { kind, metadata }: KubernetesObject,
  useless: AbortSignal | undefined,
  signal: AbortSignal,
): Promise<boolean> => {
  const place = { namespace: metadata.namespace ?? '', signal };
  for await (const found of changes(cluster, kind as Kind, ANY, metadata.name, place)) {
    if (found?.metadata.uid !== metadata.uid) return true;
    if (useless?.aborted) return false;
  }
  return false;
};

/**
 * Calls `attempt`, which creates the object; again after an object with this name is gone, if that one is being removed.
 * Throws PreloadError if its removal does not end.
 */
export const afterRemoval = async <T>(
  cluster: Cluster,
  object: KubernetesObject,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> => {
  try {
    return await attempt();
  } catch (error) {
    const isThere = error instanceof ApiError && error.reason === 'AlreadyExists';
    if (!isThere || !(await removalEnds(cluster, object, signal))) throw error;
    return attempt();
  }
};

/** Waits until the object with this name is gone, if it is being removed. Returns false if it is not. */
const removalEnds = async (cluster: Cluster, object: KubernetesObject, signal: AbortSignal): Promise<boolean> => {
  const { name, namespace = '' } = object.metadata;
  const found = await nullIfForbidden(read(cluster, object.kind as Kind, ANY, name, { namespace, signal }));
  if (found === undefined) return true;
  if (!found) return false;
  const { uid, deletionTimestamp, ownerReferences } = found.metadata;
  const isOrphan = ownerReferences.length > 0; // or its pod would have been found first
  if (!deletionTimestamp && !isOrphan) return false;
  cluster.warn(`waiting for ${objectName(object)} of an earlier run, which is being removed`);
  const old = { ...object, metadata: { name, namespace, ...(uid && { uid }) } };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(REMOVAL_PATIENCE)]);
  try {
    return await gone(cluster, old, undefined, limit);
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    const hindrance = await hindranceOf(cluster, old, signal);
    if (hindrance) throw new PreloadError(hindrance.problem, hindrance.remedy);
    return false;
  }
};

interface Hindrance {
  problem: string;
  /** begins with when to do it, and ends with a command */
  remedy: string;
}

/** What keeps an object that is being removed; undefined if it is not being removed. */
export const hindranceOf = async (
  cluster: Cluster,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<Hindrance | undefined> => {
  const { name, namespace = '' } = object.metadata;
  const found = await read(cluster, object.kind as Kind, ANY, name, { namespace, signal });
  if (!found?.metadata.deletionTimestamp) return undefined;
  const { finalizers } = found.metadata;
  const problem = (reason: string) => `${objectName(object)} is still being removed: ${reason}`;
  const users = finalizers.includes(CLAIM_PROTECTION) ? await usersOf(cluster, object, signal) : [];
  if (users.length > 0) {
    const pods = users.map((user) => `pod/${user}`).join(' ');
    return {
      problem: problem(`it is used by ${pods}`),
      remedy: `to end that, run: kubectl delete -n ${namespace} ${pods}`,
    };
  }
  if (finalizers.length > 0) {
    const patch = `kubectl patch -n ${namespace} ${objectName(object)} --type=merge -p '{"metadata":{"finalizers":null}}'`;
    return {
      problem: problem(`it has finalizers: ${finalizers.join(', ')}`),
      remedy: `if nothing else removes them, run: ${patch}`,
    };
  }
  const force = `kubectl delete -n ${namespace} ${objectName(object)} --force`;
  return { problem: problem('its node has not ended it'), remedy: `if that node is lost, run: ${force}` };
};

const CLAIM_PROTECTION = 'kubernetes.io/pvc-protection';

/** Returns the names of the pods that keep a claim; none if this user may not list them. */
const usersOf = async (
  cluster: Cluster,
  { metadata: { name, namespace = '' } }: KubernetesObject,
  signal: AbortSignal,
): Promise<string[]> => {
  const pods = await Array.fromAsync(list(cluster, 'Pod', VOLUME_USER, { namespace, signal })).catch(() => []);
  const uses = ({ spec }: (typeof pods)[number]) =>
    spec.nodeName !== undefined && spec.volumes.some((volume) => volume.persistentVolumeClaim?.claimName === name);
  return pods.filter(uses).map(({ metadata }) => metadata.name);
};
