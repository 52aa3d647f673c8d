import type { CapturedImage, CapturedLayer } from '../../src/model/image.ts';

/** A digest that is easy to tell from others: one character repeated. */
export const digest = (character: string): string => `sha256:${character.repeat(64)}`;

export const layer = (character: string, bytes: number): CapturedLayer => ({
  chainId: digest(character),
  digest: `sha256:${character.repeat(60)}b10b`,
  bytes,
  source: 'registry',
});

export const capturedImage = (fields: Partial<CapturedImage>): CapturedImage => ({
  names: ['docker.io/library/app:1'],
  digest: digest('0'),
  manifest: digest('0'),
  config: digest('1'),
  layers: [],
  sandbox: false,
  system: false,
  blobs: false,
  ...fields,
});
