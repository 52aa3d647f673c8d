import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, PATIENCE } from '../../../src/registry/persist.ts';

test('delays double, within bounds', () => {
  for (const [tries, most] of [
    [1, 1000],
    [2, 2000],
    [4, 8000],
    [30, PATIENCE.longestWait],
  ] as const) {
    const delay = backoff(PATIENCE, tries);
    assert.ok(delay >= most / 2 && delay <= most, `${delay}`);
  }
});
