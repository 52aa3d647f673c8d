import type { PodSettings } from '../../src/model/saved-run.ts';

/** What a user gets without flags, but for the image. */
export const PLAIN_POD: PodSettings = {
  image: 'r.io/node:26',
  imagePullSecrets: [],
  tolerations: [],
  requests: {},
  limits: {},
};
