import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleSet } from './sample-set.ts';

test('the set has at least 20 images, and no two share a name', () => {
  assert.ok(sampleSet.length >= 20);
  const names = sampleSet.flatMap((image) => image.names);
  assert.equal(new Set(names).size, names.length);
});
