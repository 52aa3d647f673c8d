import type * as v from 'valibot';
import { type AnyObject, CONFIG_MAP, type ConfigMap, LOADER_POD } from '../model/cluster-objects.ts';
import { ApiError } from '../model/errors.ts';
import { INSTANCE_LABEL, objectNames, ofComponent, selector } from '../model/names.ts';
import { phaseOf } from '../model/phase.ts';
import { VOLUME_SNAPSHOT, type VolumeSnapshot } from '../model/storage-objects.ts';
import { type PreloadSummary, summarizeRecord } from '../model/summary.ts';
import type { Cluster } from './connection.ts';
import { list } from './lists.ts';
import { decodeRecord } from './records.ts';
import { snapshotHandles } from './snapshots.ts';

interface Which {
  /** all namespaces if undefined */
  namespace?: string | undefined;
  name?: string | undefined;
  /** label selector, as for kubectl */
  labels?: string | undefined;
}

/** Returns the preloads in a namespace, or in all, also unfinished ones; sorted by namespace and name. */
export const listPreloads = async (
  cluster: Cluster,
  { namespace, name, labels }: Which,
  signal: AbortSignal,
): Promise<PreloadSummary[]> => {
  const withLabels = (ours: string) => [ours, ...(labels ? [labels] : [])].join(',');
  const options = { labelSelector: withLabels(selector(name)), signal, ...(namespace && { namespace }) };
  const snapshots = byPreload(
    await Array.fromAsync(list(cluster, 'VolumeSnapshot', VOLUME_SNAPSHOT, options)).catch(noneWithoutCrd),
    'snapshot',
  );
  const loaders = { ...options, labelSelector: withLabels(ofComponent('loader', name)) };
  const found = await Array.fromAsync(list(cluster, 'Pod', LOADER_POD, loaders));
  const pods = new Map([...starting(found), ...byPreload(found, 'pod')]);
  const ofRecords = { ...options, labelSelector: ofComponent('record', name) };
  const records = byPreload(await Array.fromAsync(list(cluster, 'ConfigMap', CONFIG_MAP, ofRecords)), 'record');

  const handle = await snapshotHandles(cluster, [...snapshots.values()], signal);
  const keys = [...new Set([...snapshots.keys(), ...pods.keys()])].sort();
  const summaries = await Promise.all(
    keys.map(async (key): Promise<PreloadSummary[]> => {
      const snapshot = snapshots.get(key);
      const pod = pods.get(key);
      const metadata = (snapshot ?? pod)?.metadata;
      if (!metadata) return [];
      const record = records.get(key);
      return [
        {
          name: metadata.labels?.[INSTANCE_LABEL] ?? metadata.name,
          namespace: metadata.namespace ?? '',
          ...phaseOf(pod, snapshot && (snapshot.status ?? {})),
          ...(snapshot && (await handle(snapshot))),
          ...(snapshot && record && summaryOf(cluster, record, snapshot)),
          created: metadata.creationTimestamp ?? '',
        },
      ];
    }),
  );
  return summaries.flat();
};

type Pod = v.InferOutput<typeof LOADER_POD>;

/** By `namespace/name` of their preload. Leaves out what has its label but not the name of such an object. */
const byPreload = <T extends AnyObject>(
  objects: readonly T[],
  kind: 'snapshot' | 'planPod' | 'pod' | 'record',
): Map<string, T> => {
  const name = ({ metadata }: T) => metadata.labels?.[INSTANCE_LABEL] ?? '';
  const made = objects.filter((object) => objectNames(name(object))[kind] === object.metadata.name);
  return new Map(made.map((object) => [`${object.metadata.namespace}/${name(object)}`, object]));
};

/** The pods that plan, whose loaders are still to come, as loaders that have not started. */
const starting = (pods: readonly Pod[]): Map<string, Pod> =>
  byPreload(
    pods.map((pod) => ({ ...pod, status: { ...pod.status, phase: 'Pending' } })),
    'planPod',
  );

/** What a record adds; nothing if it is invalid, so that one bad record does not hide all preloads. */
const summaryOf = (cluster: Cluster, record: ConfigMap, snapshot: VolumeSnapshot): Partial<PreloadSummary> => {
  try {
    return summarizeRecord(decodeRecord(record, snapshot));
  } catch (error) {
    const { name, namespace } = record.metadata;
    cluster.warn(`ignoring the record configmap/${name} in namespace ${namespace}: ${(error as Error).message}`);
    return {};
  }
};

const noneWithoutCrd = (error: unknown): VolumeSnapshot[] => {
  if (error instanceof ApiError && error.code === 404) return [];
  throw error;
};
