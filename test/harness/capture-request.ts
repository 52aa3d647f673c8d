import type { CaptureRequest } from '../../src/model/request.ts';

/** What is asked for unless a test says otherwise. */
export const defaultRequest: CaptureRequest = {
  images: [],
  cache: false,
  forcePull: false,
  parallel: 4,
  exclude: [],
  platform: 'linux/amd64',
  layout: 'layers',
  oneTarPerImage: false,
  tools: { ctrPath: 'ctr', ctrFlags: '', containerdPath: 'containerd' },
};
