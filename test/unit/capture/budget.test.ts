import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBudget } from '../../../src/capture/budget.ts';

const forever = (signal: AbortSignal) => sleep(60_000, undefined, { signal }).catch(() => signal.throwIfAborted());

describe('a time limit for what can be skipped', () => {
  const { signal } = new AbortController();

  test('is reported with what to do about it', async () => {
    await assert.rejects(startBudget(20, signal).within(forever), {
      name: 'Error',
      message: 'did not arrive within 0s; raise --timeout, or leave it out with --exclude',
    });
  });

  test('counts from its start, for all work', async () => {
    const budget = startBudget(20, signal);
    await sleep(30);
    await assert.rejects(budget.within(forever), /did not arrive/);
  });

  test('leaves other errors as they are', async () => {
    const broken = () => Promise.reject(new Error('broken'));
    await assert.rejects(startBudget(60_000, signal).within(broken), { message: 'broken' });
  });

  test('gives way to an interruption', async () => {
    const abort = new AbortController();
    const waiting = startBudget(60_000, abort.signal).within(forever);
    abort.abort(new Error('Ctrl-C'));
    await assert.rejects(waiting, { message: 'Ctrl-C' });
  });

  test('does not exist if none is set', async () => {
    assert.equal(await startBudget(undefined, signal).within(async (given) => given === signal), true);
  });
});
