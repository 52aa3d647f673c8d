import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { type Kubelets, readKubelets } from '../../cluster/kubelets.ts';
import { list } from '../../cluster/lists.ts';
import { podUsers } from '../../cluster/pod-users.ts';
import { storageClassOf } from '../../cluster/preflight.ts';
import { listPreloads } from '../../cluster/preloads.ts';
import { listSnapshotClasses } from '../../cluster/snapshot-classes.ts';
import type { PodUser } from '../../cluster/workloads.ts';
import { NODE, type Node } from '../../model/cluster-objects.ts';
import { isForWindows } from '../../model/pod-images.ts';
import type { SnapshotClass, StorageClass } from '../../model/storage-objects.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import type { DoctorOptions } from './command.ts';

/** What several checks look at. Each part is read once, when a check first asks for it. */
export interface Survey {
  cluster: Cluster;
  options: DoctorOptions;
  signal: AbortSignal;
  /** milliseconds */
  now: number;
  /** on Linux */
  nodes: () => Promise<Node[]>;
  kubelets: () => Promise<Kubelets>;
  /** what runs or would run on Linux */
  podUsers: () => Promise<PodUser[]>;
  storageClass: () => Promise<StorageClass>;
  snapshotClasses: () => Promise<SnapshotClass[]>;
  /** in the namespace */
  preloads: () => Promise<PreloadSummary[]>;
}

export const createSurvey = (
  cluster: Cluster,
  options: DoctorOptions,
  { signal, now }: Pick<Context, 'signal' | 'now'>,
): Survey => {
  const nodes = once(async () => {
    const all = await Array.fromAsync(list(cluster, 'Node', NODE, { signal }));
    return all
      .filter(({ status }) => status.nodeInfo.operatingSystem === 'linux')
      .map((node) => ({ ...node, status: { ...node.status, images: [] } })); // thousands, with many names each
  });
  return {
    cluster,
    options,
    signal,
    now: now(),
    nodes,
    kubelets: once(async () => readKubelets(cluster, (await nodes()).filter(isReady), signal)),
    podUsers: once(async () => {
      const found: PodUser[] = [];
      const quiet = { ...cluster, warn: () => {} }; // what may not be listed, the check of rights says
      for await (const each of podUsers(quiet, {}, signal)) if (!isForWindows(each.pod)) found.push(each);
      return found;
    }),
    storageClass: once(() => storageClassOf(cluster, options.storageClass, signal)),
    snapshotClasses: once(() => listSnapshotClasses(cluster, signal)),
    preloads: once(() => listPreloads(cluster, { namespace: cluster.namespace }, signal)),
  };
};

const once = <T>(read: () => Promise<T>): (() => Promise<T>) => {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= read();
    return answer;
  };
};

export const isReady = ({ status }: Node): boolean =>
  status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
