import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flagOf } from '../../../src/node/daemons.ts';

test('flags of a daemon', () => {
  const daemon = { argv: ['kubelet', '--one=1', '--two', '2', '--one-more=3', '--last'], environment: {} };
  assert.equal(flagOf(daemon, '--one'), '1');
  assert.equal(flagOf(daemon, '--two'), '2');
  for (const flag of ['--last', '--absent']) assert.equal(flagOf(daemon, flag), undefined);
});
