import { labels, objectNames } from '../model/names.ts';
import type { KubernetesObject } from './object.ts';
import type { PreloadSettings } from './settings.ts';

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
