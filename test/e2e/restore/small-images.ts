import type { SmallImage } from './small-volume.ts';

export const app: SmallImage = { name: 'registry.test/shop/app:1', layers: ['base', 'runtime', 'app'] };
export const web: SmallImage = { name: 'registry.test/shop/web:1', layers: ['base', 'web'] };
export const pause: SmallImage = { name: 'registry.test/pause:3', layers: ['pause'], sandbox: true };
/** cp has to keep whiteouts to copy it. */
export const stackedPause: SmallImage = { name: 'registry.test/pause:4', layers: ['pause', 'settings'], sandbox: true };
/** Containers of it can run. */
export const shell: SmallImage = { name: 'registry.test/shell:1', layers: ['shell', 'greeting'] };
export const odd: SmallImage = { name: 'registry.test/odd:1', layers: ['to-be-hidden', 'odd', 'whiteouts'] };
/** 39 layers, of which they share three. */
export const deep: SmallImage[] = Array.from({ length: 12 }, (_, image) => ({
  name: `registry.test/deep:${image}`,
  layers: Array.from({ length: 6 }, (_, depth) => (depth < 3 ? `common-${depth}` : `own-${image}-${depth}`)),
}));
