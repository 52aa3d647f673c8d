import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { limitRate } from '../../../src/capture/rate.ts';
import { RUNS } from '../../harness/fuzz.ts';

const RATE = 1_000_000; // bytes a second
const CREDIT = 100_000; // bytes in 0.1 s

/** Milliseconds that readers, who take turns and pause as they must, take for these pieces; timers are `late` by so much. */
const timeFor = (pieces: readonly number[], readers: number, late = 0): number => {
  let time = 0;
  const limit = limitRate(RATE, () => time);
  const free = Array.from({ length: readers }, () => 0);
  for (const bytes of pieces) {
    const next = free.indexOf(Math.min(...free));
    time = free[next] ?? 0;
    const pause = limit(bytes);
    free[next] = time + pause + (pause > 0 ? late : 0);
  }
  return Math.max(...free);
};

const sum = (pieces: readonly number[]) => pieces.reduce((total, bytes) => total + bytes, 0);

describe('a rate limit', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 65_536 }), { minLength: 1, maxLength: 200 });

  test('holds for all readers together', () => {
    const check = fc.property(
      pieces,
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 0, max: 50 }),
      (all, readers, late) => {
        const most = (timeFor(all, readers, late) / 1000) * RATE + CREDIT;
        assert.ok(sum(all) <= Math.ceil(most), `${sum(all)} of ${most}`);
      },
    );
    fc.assert(check, { numRuns: RUNS / 5 });
  });

  test('is used up, even by one reader with late timers', () => {
    const all = Array.from({ length: 1000 }, () => 65_536);
    const least = (sum(all) / RATE) * 1000;
    for (const late of [0, 1, 20]) {
      const time = timeFor(all, 1, late);
      assert.ok(time >= least - 100 && time <= least + late + 1, `${time} ms`);
    }
  });

  test('does not let a reader save up what it did not read', () => {
    let time = 0;
    const limit = limitRate(RATE, () => time);
    limit(1);
    time = 3_600_000;
    assert.equal(limit(RATE), 900);
  });
});
