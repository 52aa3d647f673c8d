import assert from 'node:assert/strict';
import type { RequestedImage } from '../../src/model/image.ts';
import { type ImageReference, parseImage } from '../../src/model/image-reference.ts';
import type { CaptureRequest } from '../../src/model/request.ts';

/** Parses `text`, which must be an image reference. */
export const reference = (text: string): ImageReference => {
  const image = parseImage(text);
  assert.ok(image, text);
  return image;
};

/** A request for one image. */
export const requested = (name: string, fields: Partial<RequestedImage> = {}): RequestedImage => ({
  name: reference(name),
  required: true,
  namespaces: [],
  ...fields,
});

/** The default request of the tests. */
export const defaultRequest: CaptureRequest = {
  images: [],
  cache: false,
  forcePull: false,
  copy: true,
  seed: true,
  parallel: 4,
  exclude: [],
  platform: 'linux/amd64',
  layout: 'layers',
  oneTarPerImage: false,
  tools: { ctrPath: 'ctr', ctrFlags: '', containerdPath: 'containerd' },
};
