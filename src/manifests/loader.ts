import { PreloadError } from '../model/errors.ts';
import { labels, objectNames } from '../model/names.ts';
import type { KubernetesObject } from './object.ts';

/** What the objects of one preload are built from. */
export interface PreloadSettings {
  name: string;
  namespace: string;
  /** of this tool, for the labels */
  version: string;
  /** Kubernetes quantity */
  size: string;
  storageClass?: string;
  snapshotClass?: string;
  /** of the loader: any with a node ≥ 22 */
  image: string;
  /** `linux/amd64` */
  platform: string;
  /** the loader must run there */
  node?: string;
  /** the loader should run there */
  preferredNode?: string;
  /** name of an older snapshot to start from */
  base?: string;
  /** there is a secret with pull secrets */
  pullSecrets?: boolean;
  /** seconds until the loader is stopped, whatever becomes of this process */
  deadline: number;
}

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

export const BUNDLE_KEY = 'preload.cjs.gz';
export const REQUEST_KEY = 'request.json.gz';

const MAX_DATA = 1024 * 1024; // of a ConfigMap, before base64

/** Brings the bundle and the request to the loader, both gzipped. */
export const loaderConfigMap = (settings: PreloadSettings, bundle: Buffer, request: Buffer): KubernetesObject => {
  if (bundle.length + request.length > MAX_DATA) {
    throw new PreloadError('the image list is too long for one preload', 'split it, or leave some out with --exclude');
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: objectNames(settings.name).configMap,
      namespace: settings.namespace,
      labels: labels(settings.name, 'loader', settings.version),
    },
    immutable: true,
    binaryData: { [BUNDLE_KEY]: bundle.toString('base64'), [REQUEST_KEY]: request.toString('base64') },
  };
};

/**
 * Brings pull secrets to the loader: docker configurations by `namespace/name`, under keys `namespace.name`, since a
 * namespace has no dot in its name and a key must have no slash.
 */
export const loaderSecret = (settings: PreloadSettings, configs: ReadonlyMap<string, string>): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: objectNames(settings.name).secret,
    namespace: settings.namespace,
    labels: labels(settings.name, 'loader', settings.version),
  },
  immutable: true,
  data: Object.fromEntries(
    [...configs].map(([path, config]) => [path.replace('/', '.'), Buffer.from(config).toString('base64')]),
  ),
});
