import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerdVersion, honoursPins, isSupported } from '../../../src/model/containerd-version.ts';

const RUNTIMES = [
  { runtime: 'containerd://1.5.18', version: [1, 5, 18], supported: false, pins: false },
  { runtime: 'containerd://1.6.20~ds1', version: [1, 6, 20], supported: true, pins: false },
  { runtime: 'containerd://1.6.25', version: [1, 6, 25], supported: true, pins: true },
  { runtime: 'containerd://1.7.9', version: [1, 7, 9], supported: true, pins: false },
  { runtime: 'containerd://1.7.35', version: [1, 7, 35], supported: true, pins: true },
  { runtime: 'containerd://v2.0.0-rc.1', version: [2, 0, 0], supported: true, pins: true },
  { runtime: 'containerd://2.1.5-k3s1', version: [2, 1, 5], supported: true, pins: true },
] as const;

for (const { runtime, version, supported, pins } of RUNTIMES) {
  test(`${runtime} is ${supported ? '' : 'not '}supported and has ${pins ? '' : 'no '}pins`, () => {
    const found = containerdVersion(runtime);
    assert.deepEqual(found, version);
    assert.deepEqual([found && isSupported(found), found && honoursPins(found)], [supported, pins]);
  });
}

test('other runtimes have no version of containerd', () => {
  for (const runtime of ['cri-o://1.33.0', 'docker://20.10.1', 'containerd://', ''])
    assert.equal(containerdVersion(runtime), undefined, runtime);
});
