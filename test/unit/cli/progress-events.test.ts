import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Progress } from '../../../src/cli/progress.ts';
import { createEvents } from '../../../src/cli/progress-events.ts';

/** The events that `work` reports, without the time, which is 100 ms later for each look at the clock. */
const reported = (work: (progress: Progress, wait: (ms: number) => void) => void): object[] => {
  const lines: string[] = [];
  let now = Date.parse('2026-11-27T01:30:00Z');
  work(
    createEvents(
      (line) => lines.push(line),
      () => now,
    ),
    (ms) => {
      now += ms;
    },
  );
  return lines.map((line) => {
    assert.ok(!line.includes('\n'));
    const { time, ...event } = JSON.parse(line);
    assert.match(time, /^2026-11-27T01:3\d:\d\d\.\d{3}Z$/);
    return event;
  });
};

test('a step is started, and done or failed once', () => {
  const events = reported((progress) => {
    progress.start('a');
    progress.done('b');
    progress.fail('too late');
    progress.start('c');
    progress.fail('x');
    progress.fail('x');
  });
  assert.deepEqual(events, [
    { type: 'started', text: 'a' },
    { type: 'done', text: 'b' },
    { type: 'started', text: 'c' },
    { type: 'failed', text: 'c', reason: 'x' },
  ]);
});

test('a capture reports how far it is, at most once a second', () => {
  const bytes = { done: 1, total: 2 };
  const images = { done: 0, total: 1 };
  const events = reported((progress, wait) => {
    for (let count = 0; count < 9; count += 1) {
      progress.update(`Capturing ${count}`, { images, bytes, left: 9 });
      wait(250);
    }
  });
  assert.deepEqual(
    events,
    [0, 4, 8].map((count) => ({ type: 'progress', text: `Capturing ${count}`, images, bytes, left: 9 })),
  );
});

test('a wait reports at once what delays it, and its counters only as numbers', () => {
  const events = reported((progress) => {
    progress.update('Waiting', { counter: '1s · times out in 9s', elapsed: 1, timeout: 9 });
    progress.update('Waiting', { counter: '1s · times out in 9s', elapsed: 1, timeout: 9 });
    progress.update('Waiting: quota', { counter: '1s', elapsed: 1 });
  });
  assert.deepEqual(events, [
    { type: 'progress', text: 'Waiting', elapsed: 1, timeout: 9 },
    { type: 'progress', text: 'Waiting: quota', elapsed: 1 },
  ]);
});

test('warnings, notes and errors are events, too, without colours and each on one line', () => {
  const events = reported((progress) => {
    progress.warn('a\nb');
    progress.note('\u001b[36mhint:\u001b[39m c');
    progress.error('error: no\nhint: d', { message: 'no', hint: 'd' });
    progress.error('error: no', { message: 'no' });
  });
  assert.deepEqual(events, [
    { type: 'warning', text: 'a\nb' },
    { type: 'note', text: 'hint: c' },
    { type: 'error', message: 'no', hint: 'd' },
    { type: 'error', message: 'no' },
  ]);
});
