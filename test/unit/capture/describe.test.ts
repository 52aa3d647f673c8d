import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { restoreDefaults } from '../../../src/capture/describe.ts';

describe('settings of the captured node that new nodes use', () => {
  const cases: [ctrPath: string, ctrFlags: string, expected: object][] = [
    ['ctr', '', {}],
    ['/usr/local/bin/ctr', '', { ctr: '/usr/local/bin/ctr' }],
    ['k3s ctr', '--debug', { ctr: 'k3s ctr' }],
    ['ctr', '-a /run/c.sock', { address: '/run/c.sock' }],
    ['ctr', '--debug --address=/run/c.sock', { address: '/run/c.sock' }],
    ['ctr', '--address unix:///run/c.sock', { address: '/run/c.sock' }],
  ];
  for (const [ctrPath, ctrFlags, expected] of cases) {
    test(`${ctrPath} ${ctrFlags}`, () => {
      assert.deepEqual(restoreDefaults({ ctrPath, ctrFlags, containerdPath: 'containerd' }), expected);
    });
  }
});
