import { PreloadError } from '../model/errors.ts';
import { labels, objectNames } from '../model/names.ts';
import type { KubernetesObject } from './object.ts';
import type { PreloadSettings } from './settings.ts';

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
