import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeEvent, encodeEvent, type NumberedEvent } from '../../../src/model/events.ts';

describe('decoding an encoded event returns the same event', () => {
  const events: NumberedEvent[] = [
    { seq: 1, type: 'progress', images: { done: 1, total: 2 }, bytes: { done: 3, total: 4 } },
    { seq: 2, type: 'skipped', name: 'r.io/a:1', reason: 'not\nfound "here"', usedBy: 'pod/a/b' },
    { seq: 3, type: 'failed', message: 'no space', hint: 'a larger --size' },
  ];
  for (const event of events) {
    test(event.type, () => {
      const line = encodeEvent(event);
      assert.ok(!line.includes('\n'));
      assert.deepEqual(decodeEvent(line), event);
    });
  }
});

describe('lines that are not events', () => {
  const lines = [
    '',
    'hello',
    '{',
    '{}',
    '{"type":"progress"}',
    '{"seq":1}',
    '{"seq":"1","type":"progress"}',
    '{"seq":1,"type":"progress","done"',
    '[1]',
    'null',
    ' {"seq":1,"type":"progress"}',
  ];
  for (const line of lines) test(line || 'empty', () => assert.equal(decodeEvent(line), undefined));
});
