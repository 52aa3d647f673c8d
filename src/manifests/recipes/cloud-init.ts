import type { Recipe } from './recipe.ts';

export const cloudInit: Recipe = {
  target: 'cloud-init',
  describe: 'cloud-init user data, for any machine that gets a disk from the snapshot',
  text: ({ filesystem }) => `#cloud-config
mounts:
  - ["UUID=${filesystem}", /preload, auto, "ro,nofail", "0", "0"]`,
};
