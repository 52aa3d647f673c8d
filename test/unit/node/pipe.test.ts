import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { streamOutput } from '../../../src/node/pipe.ts';
import { identifyRun } from '../../../src/node/process-id.ts';

const shell = (script: string): string[] => ['sh', '-c', script];

const pipes = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('preload-pipe-'));

test('the first pipe removes what killed processes left, and nothing else', async () => {
  const dead = 'preload-pipe-4194305-1-killed'; // above the highest possible PID
  const living = `preload-pipe-${await identifyRun('/')}-living`;
  for (const name of [dead, living]) mkdirSync(join(tmpdir(), name));
  await streamOutput(['true'], () => {});
  const left = pipes();
  rmdirSync(join(tmpdir(), living));
  assert.ok(!left.includes(dead));
  assert.ok(left.includes(living));
});

test('every byte arrives, in order', async () => {
  const hash = createHash('sha256');
  let bytes = 0;
  await streamOutput(shell('seq 1000000'), (piece) => {
    hash.update(piece);
    bytes += piece.length;
  });
  const expected = Array.from({ length: 1e6 }, (_, at) => `${at + 1}\n`).join('');
  assert.equal(bytes, expected.length);
  assert.equal(hash.digest('hex'), createHash('sha256').update(expected).digest('hex'));
});

test('all chunks share one buffer', async () => {
  const buffers = new Set<ArrayBufferLike>();
  await streamOutput(shell('seq 100000'), ({ buffer }) => buffers.add(buffer));
  assert.equal(buffers.size, 1);
});

test('a command without output is not an error', async () => {
  await streamOutput(['true'], () => assert.fail('something came'));
});

test('a command that fails after some output, does not exist or is aborted leaves no open file and no pipe', async () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const before = [open(), pipes()];
  await assert.rejects(
    streamOutput(shell('seq 10; echo broken >&2; exit 3'), () => {}),
    { message: 'broken', code: 3 },
  );
  await assert.rejects(
    streamOutput(['no-such-command'], () => {}),
    { message: 'no-such-command not found' },
  );
  const giveUp = new AbortController();
  await assert.rejects(
    streamOutput(shell('echo begun; exec sleep 5'), () => giveUp.abort(), giveUp.signal),
    { name: 'AbortError' },
  );
  await setTimeout(100); // files are closed in the background
  assert.deepEqual([open(), pipes()], before);
});
