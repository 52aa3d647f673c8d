import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contentsOf } from '../../../../src/commands/create/base.ts';
import type { CapturedImage } from '../../../../src/model/image.ts';
import { type PreloadRecord, recordImages } from '../../../../src/model/record.ts';
import { MAX_ON_BASE } from '../../../../src/model/request.ts';
import { capturedImage, digest, layer } from '../../../harness/captured-images.ts';

const [pulled, copied] = [layer('a', 1), { ...layer('b', 1), source: 'node' as const }];

const IMAGES = [capturedImage({ layers: [pulled, copied] }), capturedImage({ layers: [pulled] })];

const record = (images: CapturedImage[] = IMAGES, fields: Partial<PreloadRecord> = {}): PreloadRecord => ({
  ...{ set: '0123456789ab', version: '1', created: '2026-11-24T12:00:00Z', platform: 'linux/amd64', uuid: null },
  ...{ node: 'worker', layers: 2, usedBytes: 9, skipped: [], layout: 'layers' },
  ...recordImages(images),
  ...fields,
});

describe('what a base has that can be used again', () => {
  test('its layers, each once', () => {
    assert.deepEqual(contentsOf(record(), true), { layers: [digest('a'), digest('b')], blobs: [] });
  });

  test('only those from checked blobs if none may be copied', () => {
    assert.deepEqual(contentsOf(record(), false), { layers: [digest('a')], blobs: [] });
  });

  test('its blobs, and no layers if it has only blobs', () => {
    const images = [capturedImage({ layers: [pulled], blobs: true }), capturedImage({ layers: [copied] })];
    const blobs = [pulled.digest];
    assert.deepEqual(contentsOf(record(images, { layout: 'blobs' }), true), { layers: [], blobs });
    const both = { layers: [digest('a'), digest('b')], blobs };
    assert.deepEqual(contentsOf(record(images, { layout: 'layers,blobs' }), true), both);
  });

  test('is unknown if it is too much for the request', () => {
    const layers = Array.from({ length: MAX_ON_BASE + 1 }, (_, index) => ({
      ...pulled,
      chainId: `sha256:${index.toString(16).padStart(64, '0')}`,
    }));
    assert.equal(contentsOf(record([capturedImage({ layers })]), true), undefined);
  });
});
