import { labels, objectNames } from '../model/names.ts';
import type { KubernetesObject } from './object.ts';
import type { PreloadSettings } from './settings.ts';

/** The volume that is captured onto. */
export const volumeClaim = (settings: PreloadSettings): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: {
    name: objectNames(settings.name).claim,
    namespace: settings.namespace,
    labels: labels(settings.name, 'loader', settings.version),
  },
  spec: {
    accessModes: ['ReadWriteOnce'],
    ...(settings.storageClass && { storageClassName: settings.storageClass }),
    ...(settings.base && {
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: settings.base },
    }),
    resources: { requests: { storage: settings.size } },
  },
});
