import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Available, planCapture, sourceOf } from '../../src/model/plan.ts';
import { digest, layer } from './captured-images.ts';

const [kept, copied, blob, pulled] = [layer('a', 1000), layer('b', 2000), layer('c', 3000), layer('d', 4000)];
const MEBIBYTE = 1024 ** 2;
const available: Available = {
  onVolume: new Set([digest('a')]),
  unpacked: new Map([
    [digest('a'), MEBIBYTE],
    [digest('b'), 5 * MEBIBYTE],
  ]),
  blobs: new Set([copied.digest, blob.digest]),
};

test('the best source of a layer', () => {
  const sources = [kept, copied, blob, pulled].map((each) => sourceOf(each, available));
  assert.deepEqual(sources, ['volume', 'node', 'blob', 'registry']);
});

describe('the plan', () => {
  const plan = planCapture([{ layers: [kept, copied, blob] }, { layers: [kept, pulled] }], available);

  test('counts layers that images share once', () => {
    assert.equal(plan.images, 2);
    assert.deepEqual(plan.layers, { volume: 1, node: 1, blob: 1, registry: 1 });
  });

  test('tells what is pulled, unpacked and copied', () => {
    assert.deepEqual([plan.pullBytes, plan.blobBytes, plan.copyBytes], [4000, 3000, 5 * MEBIBYTE]);
  });

  test('needs room for layers and for the blobs they are unpacked from', () => {
    const least = 5 * MEBIBYTE + 3000 + 4000;
    assert.ok(plan.neededBytes > least);
    const more = planCapture([{ layers: [copied, blob, pulled, layer('e', MEBIBYTE)] }], available);
    assert.ok(more.neededBytes > plan.neededBytes + MEBIBYTE);
  });

  test('needs nothing more for what is on the volume', () => {
    const nothing = planCapture([], available).neededBytes;
    assert.equal(planCapture([{ layers: [kept] }], available).neededBytes, nothing);
  });

  test('guesses a layer that the node only links to from its compressed size', () => {
    const linked = { ...available, unpacked: new Map([[digest('b'), 4096]]) };
    assert.equal(planCapture([{ layers: [copied] }], linked).copyBytes, 6000);
  });
});
