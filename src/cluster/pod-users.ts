import { ANY } from '../model/cluster-objects.ts';
import type { Cluster } from './connection.ts';
import { customWorkloads } from './custom-workloads.ts';
import { list } from './lists.ts';
import { type PodUser, workloads } from './workloads.ts';

/** Which workloads to look at; all by default. */
export interface Selection {
  /** label selector for workloads, as for kubectl */
  selector?: string | undefined;
  /** label selector for their namespaces */
  namespaceSelector?: string | undefined;
}

/**
 * Yields every pod spec in the cluster, owners first. Throws if this user may not list pods, and warns about anything else
 * that this user may not list.
 */
export const podUsers = async function* (
  cluster: Cluster,
  { selector, namespaceSelector }: Selection,
  signal: AbortSignal,
): AsyncGenerator<PodUser> {
  const namespaces = namespaceSelector ? await namespacesWith(cluster, namespaceSelector, signal) : undefined;
  const query = { labelSelector: selector, signal };
  for (const found of [customWorkloads, workloads]) {
    for await (const each of found(cluster, query)) {
      if (!namespaces || namespaces.has(each.user.namespace)) yield each;
    }
  }
};

const namespacesWith = async (cluster: Cluster, labelSelector: string, signal: AbortSignal): Promise<Set<string>> => {
  const found = new Set<string>();
  for await (const { metadata } of list(cluster, 'Namespace', ANY, { labelSelector, signal })) found.add(metadata.name);
  return found;
};
