import { AMD64, image, indexOf } from './image-parts.ts';
import type { Repository } from './table-registry.ts';
import { type Layer, layerOf } from './tar-layer.ts';

/** Three layers, of which each changes what is below it. */
export const HONEST_LAYERS: [Layer, Layer, Layer] = [
  layerOf([
    { name: 'etc', type: 'folder' },
    { name: 'etc/config', content: 'from the base' },
    { name: 'etc/removed', content: 'to be removed' },
  ]),
  layerOf([
    { name: 'etc/.wh.removed' },
    { name: 'bin', type: 'folder' },
    { name: 'bin/app', content: 'the application' },
  ]),
  layerOf([
    { name: 'etc/config', content: 'from the top' },
    { name: 'etc/link', type: 'link', to: 'config' },
  ]),
];

export const honestImage = (): Repository => indexOf([[image('honest', { layers: HONEST_LAYERS }), AMD64]]);

/** The only layer of an image that no node has. */
export const REMOTE_LAYER = layerOf([{ name: 'remote', content: 'only in the registry' }]);

export const remoteImage = (): Repository => image('remote', { layers: [REMOTE_LAYER] });
