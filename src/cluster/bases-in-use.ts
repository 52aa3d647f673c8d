import { ANY } from '../model/cluster-objects.ts';
import { BASE_ANNOTATION, INSTANCE_LABEL, ofComponent, RUN_ANNOTATION } from '../model/names.ts';
import type { Cluster } from './connection.ts';
import { list } from './lists.ts';

/** Returns the snapshots that other runs start from, each with the name of the preload that such a run creates. */
export const basesInUse = async (cluster: Cluster, signal: AbortSignal): Promise<Map<string, string>> => {
  const options = { namespace: cluster.namespace, labelSelector: ofComponent('loader'), signal };
  const bases = new Map<string, string>();
  for await (const { metadata } of list(cluster, 'ConfigMap', ANY, options)) {
    const { [BASE_ANNOTATION]: base, [RUN_ANNOTATION]: run } = metadata.annotations ?? {};
    if (base && run !== cluster.run) bases.set(base, metadata.labels?.[INSTANCE_LABEL] ?? metadata.name);
  }
  return bases;
};
