import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { forEachParallel } from '../../../src/model/parallel.ts';

test('handles every item once, at most the limit at a time', async () => {
  const items = Array.from({ length: 10 }, (_, index) => index);
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await forEachParallel(items, 3, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await tick();
    running -= 1;
    done.push(item);
  });
  assert.deepEqual(
    done.toSorted((a, b) => a - b),
    items,
  );
  assert.equal(most, 3);
});

test('accepts an empty list', async () => {
  await forEachParallel([], 3, () => assert.fail());
});

test('handles falsy items', async () => {
  const done: unknown[] = [];
  await forEachParallel([0, '', false, null], 2, async (item) => {
    done.push(item);
  });
  assert.deepEqual(done, [0, '', false, null]);
});

test('stops at the first error, after the running calls have finished', async () => {
  const started: number[] = [];
  const ended: number[] = [];
  const work = async (item: number) => {
    started.push(item);
    if (item === 1) throw new Error('item 1');
    await tick();
    ended.push(item);
  };
  await assert.rejects(forEachParallel([0, 1, 2, 3, 4, 5], 2, work), { message: 'item 1' });
  assert.deepEqual(started, [0, 1]);
  assert.deepEqual(ended, [0]);
});
