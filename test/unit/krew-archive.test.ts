import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { tarGz } from '../../krew/archive.ts';

const entries = [
  { name: 'run', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
  { name: 'empty', mode: 0o644, content: Buffer.alloc(0) },
  { name: 'block', mode: 0o644, content: Buffer.alloc(512, 'x') },
];

function tar(flags: string): string {
  return execFileSync('tar', [flags, '-f', '-'], {
    input: tarGz(entries),
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  });
}

test('tar lists names, modes, sizes and owners', () => {
  const listed = tar('-tvz').trimEnd().split('\n');
  assert.deepEqual(
    listed.map((line) => line.split(/\s+/)),
    [
      ['-rwxr-xr-x', '0/0', '10', '1980-01-01', '00:00', 'run'],
      ['-rw-r--r--', '0/0', '0', '1980-01-01', '00:00', 'empty'],
      ['-rw-r--r--', '0/0', '512', '1980-01-01', '00:00', 'block'],
    ],
  );
});

test('tar extracts the contents', () => {
  assert.equal(tar('-xOz'), `#!/bin/sh\n${'x'.repeat(512)}`);
});

test('the same entries make the same bytes', () => {
  assert.deepEqual(tarGz(entries), tarGz(entries));
});
