import { SNAPSHOT_GROUP } from '../model/names.ts';

/** API group with version and plural by kind; `global` kinds have no namespace. */
const KINDS = {
  CustomResourceDefinition: { api: '/apis/apiextensions.k8s.io/v1', plural: 'customresourcedefinitions', global: true },
  ConfigMap: { api: '/api/v1', plural: 'configmaps' },
  Event: { api: '/api/v1', plural: 'events' },
  Namespace: { api: '/api/v1', plural: 'namespaces', global: true },
  Node: { api: '/api/v1', plural: 'nodes', global: true },
  PersistentVolumeClaim: { api: '/api/v1', plural: 'persistentvolumeclaims' },
  PersistentVolume: { api: '/api/v1', plural: 'persistentvolumes', global: true },
  Pod: { api: '/api/v1', plural: 'pods' },
  CronJob: { api: '/apis/batch/v1', plural: 'cronjobs' },
  Job: { api: '/apis/batch/v1', plural: 'jobs' },
  DaemonSet: { api: '/apis/apps/v1', plural: 'daemonsets' },
  Deployment: { api: '/apis/apps/v1', plural: 'deployments' },
  ReplicaSet: { api: '/apis/apps/v1', plural: 'replicasets' },
  StatefulSet: { api: '/apis/apps/v1', plural: 'statefulsets' },
  PriorityClass: { api: '/apis/scheduling.k8s.io/v1', plural: 'priorityclasses', global: true },
  Secret: { api: '/api/v1', plural: 'secrets' },
  ServiceAccount: { api: '/api/v1', plural: 'serviceaccounts' },
  CSINode: { api: '/apis/storage.k8s.io/v1', plural: 'csinodes', global: true },
  StorageClass: { api: '/apis/storage.k8s.io/v1', plural: 'storageclasses', global: true },
  VolumeAttachment: { api: '/apis/storage.k8s.io/v1', plural: 'volumeattachments', global: true },
  VolumeSnapshot: { api: `/apis/${SNAPSHOT_GROUP}/v1`, plural: 'volumesnapshots' },
  VolumeSnapshotClass: { api: `/apis/${SNAPSHOT_GROUP}/v1`, plural: 'volumesnapshotclasses', global: true },
  VolumeSnapshotContent: { api: `/apis/${SNAPSHOT_GROUP}/v1`, plural: 'volumesnapshotcontents', global: true },
} as const;

export type Kind = keyof typeof KINDS;

export const pluralOf = (kind: Kind): string => KINDS[kind].plural;

export const pathOf = (kind: Kind, namespace?: string, name?: string): string => {
  const { api, plural, ...rest } = KINDS[kind];
  const inNamespace = namespace && !('global' in rest) ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${api}${inNamespace}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
};
