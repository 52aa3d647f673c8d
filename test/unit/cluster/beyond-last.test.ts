import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beyondLast } from '../../../src/cluster/delete-preload.ts';
import type { PreloadSummary } from '../../../src/model/summary.ts';

const preload = (name: string, hour: number, more: Partial<PreloadSummary> = {}): PreloadSummary => ({
  ...{ name, namespace: 'default', phase: 'Ready', created: `2026-11-27T0${hour}:00:00Z`, platform: 'linux/amd64' },
  ...more,
});

const names = (preloads: PreloadSummary[], count: number): string[] =>
  beyondLast(preloads, 'nightly-', count).map(({ name }) => name);

test('all but the newest are left over, the oldest first', () => {
  const preloads = [preload('nightly-2', 2), preload('nightly-1', 1), preload('nightly-4', 4), preload('nightly-3', 3)];
  assert.deepEqual(names(preloads, 2), ['nightly-1', 'nightly-2']);
  assert.deepEqual(names(preloads, 4), []);
  assert.deepEqual(names(preloads, 9), []);
});

test('each platform is counted by itself, and an unknown one is one of its own', () => {
  const others = [
    preload('nightly-1-arm64', 1, { platform: 'linux/arm64' }),
    preload('nightly-5-arm64', 5, { platform: 'linux/arm64' }),
  ];
  const { platform, ...unknown } = preload('nightly-0', 0);
  assert.equal(platform, 'linux/amd64');
  assert.deepEqual(names([preload('nightly-2', 2), preload('nightly-3', 3), ...others, unknown], 1), [
    'nightly-1-arm64',
    'nightly-2',
  ]);
});

test('what is not ready is neither counted nor left over', () => {
  const unfinished = ['Starting', 'Capturing', 'Snapshotting', 'Failed'] as const;
  const preloads = unfinished.map((phase, index) => preload(`nightly-${index}`, index, { phase }));
  assert.deepEqual(names([...preloads, preload('nightly-8', 8), preload('nightly-9', 9)], 1), ['nightly-8']);
});

test('other prefixes are left alone', () => {
  assert.deepEqual(
    names([preload('nightly-gpu-1', 1), preload('nightly', 2), preload('weekly-1', 3), preload('nightly-4', 4)], 1),
    [],
  );
});
