import { type PodSpec, WORKLOAD } from '../model/cluster-objects.ts';
import type { ImageUser } from '../model/coverage.ts';
import { ApiError } from '../model/errors.ts';
import { podSpecOf } from '../model/pod-images.ts';
import type { Cluster } from './connection.ts';
import { type Kind, pluralOf } from './kinds.ts';
import { list } from './lists.ts';
import { isPassing } from './weather.ts';

/** A pod spec, and what has it. */
export interface PodUser {
  user: ImageUser;
  /** a controller made it */
  isOwned: boolean;
  pod: PodSpec;
}

export interface WorkloadQuery {
  labelSelector: string | undefined;
  /** how many to request at once */
  page?: number;
  signal: AbortSignal;
}

// owners first, so that an image is reported as used by a deployment and not by one of its pods
const PODS: Kind[] = ['Pod'];
const OWNERS: Kind[] = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'CronJob', 'Job'];

/** Yields the pod specs of Kubernetes' own workloads, owners first. Throws if this user may not list pods. */
export const workloads = (cluster: Cluster, query: WorkloadQuery): AsyncGenerator<PodUser> =>
  ofKinds(cluster, query, [...OWNERS, ...PODS]);

/** The same without pods. */
export const owners = (cluster: Cluster, query: WorkloadQuery): AsyncGenerator<PodUser> =>
  ofKinds(cluster, query, OWNERS);

const ofKinds = async function* (
  cluster: Cluster,
  query: WorkloadQuery,
  kinds: readonly Kind[],
): AsyncGenerator<PodUser> {
  for (const kind of kinds) {
    const all = list(cluster, kind, WORKLOAD, query);
    for await (const workload of kind === 'Pod' ? all : orWarn(cluster, pluralOf(kind), 'there', all)) {
      const { name, namespace, ownerReferences } = workload.metadata;
      const isOwned = ownerReferences.some(({ controller }) => controller);
      if (isOwned && kind === 'ReplicaSet') continue; // often an old version, and if not, it has pods
      yield { user: { kind: kind.toLowerCase(), namespace, name }, isOwned, pod: podSpecOf(workload) };
    }
  }
};

// forbidden, a kind that was just removed, or a custom one whose conversion fails
const REFUSALS = [403, 404, 405, 500];

/** Yields `objects`. If the server refuses to list them, warns about what is missed: images used only `where`. */
export const orWarn = async function* <T>(
  cluster: Cluster,
  plural: string,
  where: string,
  objects: AsyncGenerator<T>,
): AsyncGenerator<T> {
  try {
    yield* objects;
  } catch (error) {
    if (!(error instanceof ApiError) || !REFUSALS.includes(error.code) || isPassing(error)) throw error;
    cluster.warn(`cannot list ${plural}, so images used only ${where} are left out: ${error.message}`);
  }
};
