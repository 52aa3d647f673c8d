import { busybox, debian, node, pause } from './root-filesystems.ts';
import type { SampleImage } from './sample-image.ts';

export const sampleSet: SampleImage[] = [
  { names: ['pause:3.10'], layers: [pause], command: ['/pause', '-P'] },
  { names: ['node:26'], layers: [debian, node] },
  { names: ['debian:12'], layers: [debian] },
  { names: ['busybox:1.36'], layers: [busybox] },
];
