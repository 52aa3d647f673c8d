import { gunzipSync } from 'node:zlib';
import type { KubernetesObject } from '../manifests/object.ts';
import { RECORD_KEY } from '../manifests/snapshot.ts';
import { PRELOAD_RECORD, type PreloadRecord } from '../model/contents.ts';
import { ApiError } from '../model/errors.ts';
import { INSTANCE_LABEL, objectNames, ofComponent, selector } from '../model/names.ts';
import { parse, parseJson } from '../model/parse.ts';
import { type LoaderPod, phaseOf } from '../model/pod-state.ts';
import { type PreloadSummary, summarizeRecord } from '../model/summary.ts';
import type { Cluster } from './connection.ts';
import { list, read } from './objects.ts';
import { snapshotHandle, type VolumeSnapshot } from './snapshots.ts';

interface ConfigMap extends KubernetesObject {
  binaryData?: Record<string, string>;
}

type Pod = KubernetesObject & LoaderPod;

/** Returns the preloads in a namespace, or in all, also unfinished ones; sorted by namespace and name. */
export const listPreloads = async (
  cluster: Cluster,
  { namespace, name }: { namespace?: string | undefined; name?: string | undefined },
  signal: AbortSignal,
): Promise<PreloadSummary[]> => {
  const options = { labelSelector: selector(name), signal, ...(namespace && { namespace }) };
  const snapshots = byKey(
    await Array.fromAsync(list<VolumeSnapshot>(cluster, 'VolumeSnapshot', options)).catch(noneWithoutCrd),
  );
  const loaders = { ...options, labelSelector: ofComponent('loader', name) };
  const pods = byKey(await Array.fromAsync(list<Pod>(cluster, 'Pod', loaders)));
  const configMaps = await Array.fromAsync(list<ConfigMap>(cluster, 'ConfigMap', options));
  const records = byKey(configMaps.filter((configMap) => configMap.binaryData?.[RECORD_KEY]));

  const keys = [...new Set([...snapshots.keys(), ...pods.keys()])].sort();
  return Promise.all(
    keys.map(async (key) => {
      const snapshot = snapshots.get(key);
      const pod = pods.get(key);
      const { metadata } = (snapshot ?? pod) as KubernetesObject;
      const handle = snapshot && (await snapshotHandle(cluster, snapshot, signal));
      const record = records.get(key);
      return {
        name: metadata.labels?.[INSTANCE_LABEL] ?? metadata.name,
        namespace: metadata.namespace ?? '',
        ...phaseOf(pod, snapshot && (snapshot.status ?? {}), Date.now()),
        ...handle,
        ...(record && summaryOf(cluster, record)),
        created: metadata.creationTimestamp ?? '',
      };
    }),
  );
};

const byKey = <T extends KubernetesObject>(objects: readonly T[]): Map<string, T> =>
  new Map(
    objects.map((object) => [`${object.metadata.namespace}/${object.metadata.labels?.[INSTANCE_LABEL]}`, object]),
  );

/** Returns the record of the preload `name` in the cluster, or undefined if it does not exist. */
export const readRecord = async (
  cluster: Cluster,
  name: string,
  signal: AbortSignal,
): Promise<PreloadRecord | undefined> => {
  const record = await read<ConfigMap>(cluster, 'ConfigMap', objectNames(name).record, { signal });
  const data = record?.binaryData?.[RECORD_KEY];
  return data === undefined ? undefined : decodeRecord(data);
};

/** What a record adds; nothing if it is invalid, so that one bad record does not hide all preloads. */
const summaryOf = (cluster: Cluster, { metadata, binaryData }: ConfigMap): Partial<PreloadSummary> => {
  try {
    return summarizeRecord(decodeRecord(binaryData?.[RECORD_KEY] ?? ''));
  } catch (error) {
    cluster.warn(`ignoring the record configmap/${metadata.name}: ${(error as Error).message}`);
    return {};
  }
};

const MAX_RECORD = 64 * 1024 ** 2; // bytes of JSON

const decodeRecord = (base64: string): PreloadRecord =>
  parse(
    PRELOAD_RECORD,
    parseJson(gunzipSync(Buffer.from(base64, 'base64'), { maxOutputLength: MAX_RECORD }).toString()),
  );

const noneWithoutCrd = (error: unknown): VolumeSnapshot[] => {
  if (error instanceof ApiError && error.code === 404) return [];
  throw error;
};
