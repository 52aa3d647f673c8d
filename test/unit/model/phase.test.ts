import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { phaseOf } from '../../../src/model/phase.ts';
import type { LoaderPod, SnapshotStatus } from '../../../src/model/pod-state.ts';

type Status = NonNullable<LoaderPod['status']>;

const pod = (status: Status): LoaderPod => ({ spec: {}, status });

const running = pod({ phase: 'Running' });
const pulling = { name: 'loader', state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } };
const killed = { name: 'loader', state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } };

const event = { seq: 1, type: 'failed', message: 'the disk is full' };
const reported = {
  name: 'loader',
  state: { terminated: { exitCode: 1, reason: 'Error', message: `${JSON.stringify(event)}\n` } },
};

describe('phase of a preload, and the reason', () => {
  const cases: Record<string, [LoaderPod | undefined, SnapshotStatus | undefined, phase: string, reason?: string]> = {
    'the loader is new': [pod({ phase: 'Pending' }), undefined, 'Starting'],
    'the loader cannot start': [
      pod({ phase: 'Pending', containerStatuses: [pulling] }),
      undefined,
      'Starting',
      "the loader's image cannot be pulled: not found",
    ],
    'the loader runs': [running, undefined, 'Capturing'],
    'the loader failed': [
      pod({ phase: 'Failed', containerStatuses: [killed] }),
      undefined,
      'Failed',
      'OOMKilled (exit code 137)',
    ],
    'the loader failed and reported why': [
      pod({ phase: 'Failed', containerStatuses: [reported] }),
      undefined,
      'Failed',
      'the disk is full',
    ],
    'the loader failed without a reason': [pod({ phase: 'Failed' }), undefined, 'Failed', 'the loader failed'],
    'the snapshot has no status yet': [running, {}, 'Snapshotting'],
    'the snapshot is being taken': [running, { readyToUse: false }, 'Snapshotting'],
    'the loader is gone': [undefined, { readyToUse: false }, 'Snapshotting'],
    'the driver reports an error': [running, { error: { message: 'quota' } }, 'Snapshotting', 'quota'],
    'the driver reports an error without a message': [
      undefined,
      { error: {} },
      'Snapshotting',
      'the CSI driver reports an error',
    ],
    'the snapshot is ready': [undefined, { readyToUse: true }, 'Ready'],
    'the snapshot is ready after an error': [undefined, { readyToUse: true, error: { message: 'x' } }, 'Ready'],
  };
  for (const [what, [loader, snapshot, phase, reason]] of Object.entries(cases)) {
    test(what, () => {
      assert.deepEqual(phaseOf(loader, snapshot), { phase, ...(reason && { reason }) });
    });
  }
});
