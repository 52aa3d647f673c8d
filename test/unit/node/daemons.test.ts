import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flagOf } from '../../../src/node/daemons.ts';

test('flags of a daemon', () => {
  const argv = ['kubelet', '--one=1', '--two', '2', '--one-more=3', '-c', 'file', '--last'];
  assert.equal(flagOf(argv, '--one'), '1');
  assert.equal(flagOf(argv, '--two'), '2');
  assert.equal(flagOf(argv, '--config', '-c'), 'file');
  for (const flag of ['--last', '--absent']) assert.equal(flagOf(argv, flag), undefined);
});
