import { application } from './application-layer.ts';
import type { Layer } from './layer.ts';
import { beforeWhiteouts, content, deepChain, empty, oddFiles, uncompressed, whiteouts, zstd } from './odd-layers.ts';
import { busybox, debian, debianPackages, node, pause } from './root-filesystems.ts';
import type { SampleImage } from './sample-image.ts';

const nodeJs = [debian, node];
const python = [debian, debianPackages('python3-minimal')];
const nginx = [debian, debianPackages('nginx-light')];
const redis = [debian, debianPackages('redis-server')];
const git = [debian, debianPackages('git')];

const shop = application('opt/shop', { from: 0, megabytes: 6 });
const data = application('opt/data', { from: 6, megabytes: 4 });

const bases: SampleImage[] = [
  { names: ['pause:3.10'], layers: [pause], command: ['/pause', '-P'] },
  { names: ['node:26'], layers: nodeJs },
  { names: ['debian:12'], layers: [debian] },
  { names: ['busybox:1.36'], layers: [busybox] },
];

const applications: { names: string[]; on: Layer[]; megabytes: number }[] = [
  { names: ['shop/web:1.4', 'shop/web:latest'], on: [...nodeJs, shop], megabytes: 8 },
  { names: ['shop/checkout:1.4'], on: [...nodeJs, shop], megabytes: 5 },
  { names: ['shop/checkout:1.5'], on: [...nodeJs, shop], megabytes: 6 },
  { names: ['shop/mail:0.9'], on: [...nodeJs, shop], megabytes: 2 },
  { names: ['shop/prices:2.0', 'mirror/prices:2.0'], on: [...python, shop], megabytes: 3 },
  { names: ['shop/stock:2.1'], on: [...python, shop], megabytes: 4 },
  { names: ['data/import:7'], on: [...python, data], megabytes: 7 },
  { names: ['data/report:7'], on: [...python, data], megabytes: 6 },
  { names: ['by-digest'], on: [...python, data], megabytes: 1 },
  { names: ['site/home:2026'], on: nginx, megabytes: 8 },
  { names: ['site/docs:2026'], on: nginx, megabytes: 8 },
  { names: ['cache/sessions:3'], on: redis, megabytes: 1 },
  { names: ['cache/queue:3'], on: redis, megabytes: 1 },
  { names: ['build/runner:12'], on: git, megabytes: 8 },
  { names: ['build/mirror:12'], on: git, megabytes: 3 },
  { names: ['ops/agent:1.0'], on: [busybox], megabytes: 5 },
  { names: ['ops/backup:1.0'], on: [busybox], megabytes: 4 },
  { names: ['ops/probe:1.0'], on: [busybox], megabytes: 1 },
];

const special: SampleImage[] = [
  {
    names: ['index:1'],
    layers: [busybox, content('index')],
    absent: [
      { os: 'linux', architecture: '386' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
      { os: 'linux', architecture: 'arm64' },
    ],
  },
  { names: ['whiteouts:1'], layers: [busybox, beforeWhiteouts, whiteouts, oddFiles] },
  { names: ['deep:1'], layers: [busybox, ...deepChain] },
  { names: ['zstd:1'], layers: [busybox, zstd] },
  { names: ['uncompressed:1'], layers: [busybox, uncompressed] },
  { names: ['docker:1'], layers: [busybox, content('docker')], format: 'docker' },
  { names: ['twice:1'], layers: [busybox, content('first'), content('second'), content('first')] },
  { names: ['empty-layer:1'], layers: [busybox, empty, content('full'), empty] },
];

export const sampleSet: SampleImage[] = [
  ...bases,
  ...special,
  ...applications.map(({ names, on, megabytes }, position) => ({
    names,
    layers: [...on, application(`srv/${names[0]?.split(':')[0]}`, { from: 10 + 7 * position, megabytes })],
  })),
];
