import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Context } from '../../src/cli/context.ts';
import { followCapture } from '../../src/commands/follow-capture.ts';
import type { ExportEvent } from '../../src/model/events.ts';
import { capturedImage, layer } from './captured-images.ts';

const image = capturedImage({ layers: [layer('a', 2048)] });
const contents = { set: 'abc', version: '1', created: '2026-11-24T12:00:00Z', platform: 'linux/amd64', uuid: null };
const sealed: ExportEvent = { type: 'sealed', contents, layers: 1, usedBytes: 9, readOnly: true };

/** Follows `events`, a second apart, and returns what came of it and what was said. */
async function follow(...events: ExportEvent[]) {
  const said: string[] = [];
  let now = 0;
  const say = (symbol: string) => (text: string) => {
    said.push(`${symbol} ${text}`);
  };
  const progress = {
    start: say('•'),
    update: say('…'),
    done: say('✓'),
    fail: say('✗'),
    warn: say('!'),
    note: say(''),
  };
  async function* arriving() {
    for (const [index, event] of events.entries()) {
      now += 1000;
      yield { ...event, seq: index + 1 };
    }
  }
  const context = { progress, now: () => now } as unknown as Context;
  const capture = await followCapture(arriving(), 'worker', context);
  return { capture, said };
}

test('a capture to its end', async () => {
  const { capture, said } = await follow(
    { type: 'progress', done: 1, total: 2, bytes: 2048 },
    { type: 'skipped', name: 'r.io/b:1', reason: 'not found', usedBy: 'pod/x/y' },
    { type: 'skipped', name: 'r.io/c:1', reason: 'denied' },
    { type: 'image', image },
    sealed,
  );
  assert.deepEqual(capture, {
    record: { ...contents, images: [image], node: 'worker', layers: 1, usedBytes: 9 },
    readOnly: true,
  });
  assert.deepEqual(said, [
    '• Capturing images',
    '… Capturing 1/2 images · 2Ki pulled',
    '! skipped r.io/b:1 (used by pod/x/y): not found',
    '! skipped r.io/c:1: denied',
    '✓ 1 images captured in 5s: 2Ki pulled',
  ]);
});

test('a capture that says why it failed', async () => {
  await assert.rejects(follow({ type: 'failed', message: 'the volume is full', hint: 'a larger --size' }), {
    message: 'capturing failed: the volume is full',
    hint: 'a larger --size',
  });
});

test('a capture that breaks off', async () => {
  assert.equal((await follow({ type: 'image', image })).capture, undefined);
});
