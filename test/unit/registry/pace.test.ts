import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createPace } from '../../../src/registry/pace.ts';
import { PATIENCE } from '../../../src/registry/persist.ts';

const { leastRate, window } = PATIENCE;

/** Whether each of many pieces of `bytes`, every `milliseconds`, is in time. */
const verdicts = (milliseconds: number, bytes: number, pace = createPace(PATIENCE)): boolean[] =>
  Array.from({ length: (3 * window) / milliseconds }, () => pace(milliseconds, bytes));

describe('the least rate', () => {
  test('is enough for ever', () => assert.ok(verdicts(1000, leastRate).every(Boolean)));
  test('is enough in large, rare pieces', () => assert.ok(verdicts(50_000, leastRate * 50).every(Boolean)));

  test('less than it is not enough as soon as it lasts for a window', () => {
    const slow = verdicts(1000, leastRate / 2);
    assert.equal(slow.indexOf(false), window / 1000 - 1);
    assert.ok(slow.slice(window / 1000 - 1).every((isEnough) => !isEnough));
  });

  test('a byte a minute is not enough', () => assert.ok(verdicts(60_000, 1).includes(false)));

  test('a fast start helps only as long as it is in the window', () => {
    const pace = createPace(PATIENCE);
    assert.ok(pace(0, 1e12));
    const after = verdicts(1000, 1, pace).indexOf(false) + 1;
    assert.ok(after >= window / 1000 && after <= (window / 1000) * 1.2, `${after} s`);
  });

  test('a short pause is no fault', () => {
    const pace = createPace(PATIENCE);
    for (let round = 0; round < 20; round += 1) {
      assert.ok(pace(window / 3, 0));
      assert.ok(pace(1000, leastRate * (window / 1000)));
    }
  });

  test('a slow disk is not the server’s fault', () => {
    const pace = createPace(PATIENCE);
    for (let piece = 0; piece < 1000; piece += 1) assert.ok(pace(0, 1));
  });
});
