import { PreloadError } from '../model/errors.ts';
import { labels, objectNames, SNAPSHOT_GROUP } from '../model/names.ts';
import type { KubernetesObject } from './object.ts';
import { BUNDLE_KEY, type ConfigMap } from './run-bundle.ts';

/** Settings for the objects of one preload. */
export interface PreloadSettings {
  name: string;
  namespace: string;
  /** version of this tool, for the labels */
  version: string;
  /** Kubernetes quantity */
  size: string;
  storageClass?: string;
  snapshotClass?: string;
  /** image of the loader; needs Node.js 22 or newer and GNU tar */
  image: string;
  /** `linux/amd64` */
  platform: string;
  /** node on which the loader must run */
  node?: string;
  /** node on which the loader should run */
  preferredNode?: string;
  /** name of an older snapshot to start from */
  base?: string;
  /** whether to mount the secret with pull secrets */
  pullSecrets?: boolean;
  /** seconds until the loader is stopped, even if this process is gone */
  deadline: number;
}

/** The claim for the volume that the loader writes. */
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
      dataSource: { apiGroup: SNAPSHOT_GROUP, kind: 'VolumeSnapshot', name: settings.base },
    }),
    resources: { requests: { storage: settings.size } },
  },
});

export const REQUEST_KEY = 'request.json.gz';

const MAX_DATA = 1024 * 1024; // limit of a ConfigMap, before base64

/** Contains the bundle and the request for the loader, both gzipped. Throws PreloadError if they are too large. */
export const loaderConfigMap = (settings: PreloadSettings, bundle: Buffer, request: Buffer): ConfigMap => {
  if (bundle.length + request.length > MAX_DATA) {
    throw new PreloadError(
      'the image list is too long for one preload',
      'split it, or exclude some images with --exclude',
    );
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

/** A key cannot contain a slash, and a namespace cannot contain a dot. */
const secretKey = (path: string): string => path.replace('/', '.');

export const parseSecretKey = (key: string): { namespace: string; name: string } => {
  const dot = key.indexOf('.');
  return { namespace: key.slice(0, dot), name: key.slice(dot + 1) };
};

/** Contains the pull secrets for the loader: `configs` are Docker configurations by `namespace/name`. */
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
    [...configs].map(([path, config]) => [secretKey(path), Buffer.from(config).toString('base64')]),
  ),
});
