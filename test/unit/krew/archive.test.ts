import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { tarGz } from '../../../krew/archive.ts';

const entries = [
  { name: 'run', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
  { name: 'empty', mode: 0o644, content: Buffer.alloc(0) },
  { name: 'block', mode: 0o644, content: Buffer.alloc(512, 'x') },
];

const archive = await tarGz(entries);

const tar = (flags: string): string => {
  const env = { ...process.env, TZ: 'UTC' };
  return execFileSync('tar', [flags, '-f', '-'], { input: archive, encoding: 'utf8', env });
};

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

test('the same entries make the same bytes', async () => {
  assert.deepEqual(await tarGz(entries), archive);
});
