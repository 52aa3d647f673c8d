import { labels, objectNames, SNAPSHOT_GROUP } from '../model/names.ts';
import type { PreloadSettings } from '../model/saved-run.ts';
import type { KubernetesObject } from './object.ts';

export const SNAPSHOT_API = `${SNAPSHOT_GROUP}/v1`;
export const RECORD_KEY = 'preload.json.gz';

type SnapshotSettings = Pick<
  PreloadSettings,
  'name' | 'namespace' | 'version' | 'snapshotClass' | 'labels' | 'annotations'
>;

/** Snapshot of the volume that the loader wrote. */
export const volumeSnapshot = (settings: SnapshotSettings): KubernetesObject =>
  snapshotOfClaim(settings, objectNames(settings.name).claim);

export const snapshotOfClaim = (settings: SnapshotSettings, claim: string): KubernetesObject => ({
  apiVersion: SNAPSHOT_API,
  kind: 'VolumeSnapshot',
  metadata: {
    name: objectNames(settings.name).snapshot,
    namespace: settings.namespace,
    labels: { ...settings.labels, ...labels(settings.name, 'snapshot', settings.version) },
    ...(settings.annotations && { annotations: settings.annotations }),
  },
  spec: {
    ...(settings.snapshotClass && { volumeSnapshotClassName: settings.snapshotClass }),
    source: { persistentVolumeClaimName: claim },
  },
});

/** A snapshot by its name alone. */
export const snapshotReference = ({ name, namespace }: { name: string; namespace: string }): KubernetesObject => ({
  apiVersion: SNAPSHOT_API,
  kind: 'VolumeSnapshot',
  metadata: { name: objectNames(name).snapshot, namespace },
});

/** Describes the contents; `record` is gzipped JSON. Until a snapshot owns it, it belongs to the loader. */
export const recordConfigMap = (settings: SnapshotSettings, record: Buffer): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: objectNames(settings.name).record,
    namespace: settings.namespace,
    labels: labels(settings.name, 'loader', settings.version),
  },
  binaryData: { [RECORD_KEY]: record.toString('base64') },
});
