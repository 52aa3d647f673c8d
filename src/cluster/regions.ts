import { ANY, type AnyObject } from '../model/cluster-objects.ts';
import type { Cluster } from './connection.ts';
import { list } from './lists.ts';
import { nullIfForbidden, read } from './objects.ts';

const REGION = 'topology.kubernetes.io/region';
const ZONE = 'topology.kubernetes.io/zone';

/**
 * Returns the region of the node `name`, or its zone if it has no region. If the node is gone, the region of all nodes;
 * undefined if they have several, or if this user may not read nodes.
 */
export const regionOf = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<string | undefined> => {
  const node = await nullIfForbidden(read(cluster, 'Node', ANY, name, { signal }));
  if (node) return labelOf(node);
  const nodes = await nullIfForbidden(Array.fromAsync(list(cluster, 'Node', ANY, { labelSelector: REGION, signal })));
  const [region, ...others] = new Set(nodes?.map(labelOf));
  return others.length === 0 ? region : undefined;
};

const labelOf = ({ metadata: { labels } }: AnyObject): string | undefined => labels?.[REGION] ?? labels?.[ZONE];
