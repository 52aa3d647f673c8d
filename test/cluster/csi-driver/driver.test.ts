import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { ensurePackages } from '../machine/apt.ts';

before(() => ensurePackages(['xfsprogs'], console.error));

test("the driver's own Go tests pass: snapshots, clones, growth, one node at a time", () => {
  const command = ['test', '-trimpath', '-count=1', '.'];
  const { status, stdout } = spawnSync('go', command, { cwd: import.meta.dirname, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});
