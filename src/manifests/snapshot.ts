import { labels, objectNames } from '../model/names.ts';
import type { PreloadSettings } from './loader.ts';
import { type KubernetesObject, ownerReference } from './object.ts';

export const SNAPSHOT_API = 'snapshot.storage.k8s.io/v1';
export const RECORD_KEY = 'preload.json.gz';

type SnapshotSettings = Pick<PreloadSettings, 'name' | 'namespace' | 'version' | 'snapshotClass'>;

/** Of the volume that is captured onto. */
export const volumeSnapshot = (settings: SnapshotSettings): KubernetesObject =>
  snapshotOfClaim(settings, objectNames(settings.name).claim);

export const snapshotOfClaim = (settings: SnapshotSettings, claim: string): KubernetesObject => ({
  apiVersion: SNAPSHOT_API,
  kind: 'VolumeSnapshot',
  metadata: {
    name: objectNames(settings.name).snapshot,
    namespace: settings.namespace,
    labels: labels(settings.name, 'snapshot', settings.version),
  },
  spec: {
    ...(settings.snapshotClass && { volumeSnapshotClassName: settings.snapshotClass }),
    source: { persistentVolumeClaimName: claim },
  },
});

/** Remembers what is inside; `record` is gzipped JSON. It goes with the snapshot it belongs to. */
export const recordConfigMap = (
  settings: PreloadSettings,
  record: Buffer,
  snapshot: KubernetesObject,
): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: objectNames(settings.name).record,
    namespace: settings.namespace,
    labels: labels(settings.name, 'record', settings.version),
    ownerReferences: [ownerReference(snapshot)],
  },
  binaryData: { [RECORD_KEY]: record.toString('base64') },
});
