import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordImages } from '../../../src/model/record.ts';
import { summarizeRecord } from '../../../src/model/summary.ts';
import { capturedImage, digest, layer } from '../../harness/captured-images.ts';

test('a record adds the node and the images, with the bytes of their layers', () => {
  const names = ['docker.io/library/app:1', `docker.io/library/app@${digest('0')}`];
  const summary = summarizeRecord({
    set: 'abc',
    version: '1.2.3',
    created: '2026-11-24T12:00:00Z',
    platform: 'linux/amd64',
    layout: 'layers,blobs',
    uuid: '1b2c',
    node: 'worker',
    layers: 2,
    usedBytes: 99,
    ...recordImages([capturedImage({ names, layers: [layer('a', 1), layer('b', 2)] })]),
    skipped: [{ name: 'r.io/gone:1', reason: 'not found' }],
  });
  assert.deepEqual(summary, {
    set: 'abc',
    platform: 'linux/amd64',
    layout: 'layers,blobs',
    node: 'worker',
    filesystem: '1b2c',
    version: '1.2.3',
    size: 99,
    layers: 2,
    images: [{ names, digest: digest('0'), size: 3 }],
    skipped: [{ name: 'r.io/gone:1', reason: 'not found' }],
  });
});
