import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeRecord, encodeRecord } from '../../../src/cluster/records.ts';
import { MAX_DATA } from '../../../src/manifests/object.ts';
import { digestOf } from '../../../src/model/oci.ts';
import type { PreloadRecord } from '../../../src/model/record.ts';

const metadata = { name: 'web', namespace: 'default', uid: 'u' };
const snapshot = { metadata: { ...metadata, finalizers: [], ownerReferences: [] } };

/** A record of images whose names and digests are as hard to compress as real ones. */
const recordOf = (count: number, skipped: number): PreloadRecord => {
  const images = Array.from({ length: count }, (_, index) => {
    const digest = digestOf(`image ${index}`);
    const repository = `registry-${index % 9}.example.com/team-${index % 170}/${digestOf(`name ${index}`).slice(7, 20)}`;
    return { names: [`${repository}:1.${index}`, `${repository}@${digest}`], digest, size: 1_000_000 + index ** 2 };
  });
  const distinctLayers = Array.from({ length: 2 * count }, (_, index) => ({
    chainId: digestOf(`layer ${index}`),
    source: 'node' as const,
  }));
  const reasons = Array.from({ length: skipped }, (_, index) => ({
    name: `r.io/x:${index}`,
    reason: digestOf(`${index}`),
  }));
  return {
    ...{ set: '0123456789ab', version: '1.2.3', created: '2026-11-24T12:00:00Z', platform: 'linux/amd64' },
    ...{
      uuid: null,
      layout: 'layers',
      node: 'worker',
      layers: 9,
      usedBytes: 99,
      images,
      distinctLayers,
      skipped: reasons,
    },
  };
};

const read = (record: PreloadRecord): PreloadRecord => {
  const data = encodeRecord(record);
  assert.ok(data.length <= MAX_DATA, `${data.length} bytes`);
  const owned = { ...metadata, finalizers: [], ownerReferences: [{ uid: 'u' }] };
  return decodeRecord({ metadata: owned, binaryData: { 'preload.json.gz': data.toString('base64') } }, snapshot);
};

describe('a ConfigMap holds a record', () => {
  test('of 5,000 images with 10,000 layers, and of 1,000 that were skipped', () => {
    const record = recordOf(5000, 1000);
    assert.deepEqual(read(record), record);
  });

  test('with what was excluded, and which image is the pause image', () => {
    const { images, ...rest } = recordOf(1, 0);
    const record = { ...rest, images: images.map((image) => ({ ...image, sandbox: true })), exclude: ['r.io/x'] };
    assert.deepEqual(read(record), record);
  });

  test('of more images without layers and those that were skipped, and as many images as it can', () => {
    const record = recordOf(30_000, 1000);
    const kept = read(record);
    assert.deepEqual([kept.distinctLayers, kept.skipped, kept.incomplete], [undefined, [], true]);
    assert.ok(kept.images.length >= 5000, `${kept.images.length}`);
    assert.deepEqual(kept.images, record.images.slice(0, kept.images.length));
  });
});
