import type { Cluster } from '../../cluster/connection.ts';
import { type NodePlace, nodePlaces, runningImages } from '../../cluster/running-images.ts';
import { type Coverage, compareWith, type Drift, type Preloaded } from '../../model/coverage.ts';
import { PLUGIN } from '../../model/names.ts';
import type { PreloadSummary } from '../../model/summary.ts';

/** What preloads are compared with. */
export interface Usage {
  /** null if this user may not list nodes */
  nodes: readonly NodePlace[] | null;
  /** null if this user may not list pods */
  compare: ((preload: Preloaded) => Coverage & Drift) | null;
}

export const NO_USAGE: Usage = { nodes: null, compare: null };

/** Reads what the cluster runs; nothing if none of `preloads` could be compared with it. */
export const readUsage = async (
  cluster: Cluster,
  preloads: readonly PreloadSummary[],
  signal: AbortSignal,
): Promise<Usage> => {
  if (!preloads.some(({ set }) => set)) return NO_USAGE;
  const nodes = await nodePlaces(cluster, signal);
  const used = await runningImages(cluster, nodes, signal);
  if (!used) cluster.warn('the coverage is not shown: this user is not allowed to list pods in all namespaces');
  return { nodes, compare: used && compareWith(used) };
};

/** Adds coverage, drift and the number of nodes to a preload, as far as they are known. */
export const withUsage = (preload: PreloadSummary, { nodes, compare }: Usage): PreloadSummary => {
  const { set, platform, images, exclude, incomplete } = preload;
  return {
    ...preload,
    ...(set && nodes && { nodes: nodes.filter(({ labels }) => hasRestored(labels, set)).length }),
    ...(platform &&
      images &&
      !incomplete &&
      compare && { coverage: compare({ platform, images, ...(exclude && { exclude }) }) }),
  };
};

/** The same without the lists of images that differ, which one line has no room for. */
export const withoutDrift = (preload: PreloadSummary): PreloadSummary => {
  const { coverage } = preload;
  return coverage ? { ...preload, coverage: { inUse: coverage.inUse, present: coverage.present } } : preload;
};

/** Whether a node has the label that restore.sh --label or a DaemonSet gives it for this set. */
const hasRestored = (labels: Readonly<Record<string, string>>, set: string): boolean =>
  labels[`${PLUGIN}/set`] === set || labels[`${PLUGIN}/${set}`] === 'done';
