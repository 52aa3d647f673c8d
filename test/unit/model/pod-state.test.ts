import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  LOADER_TERMS,
  type LoaderPod,
  loaderEnd,
  phaseOf,
  type SnapshotStatus,
  startProblem,
} from '../../../src/model/pod-state.ts';

type Status = NonNullable<LoaderPod['status']>;

const pod = (status: Status): LoaderPod => ({ spec: {}, status });

const waiting = (reason: string, message?: string): Status => ({
  phase: 'Pending',
  containerStatuses: [{ state: { waiting: { reason, ...(message !== undefined && { message }) } } }],
});

const unschedulable = (message = '0/3 nodes are available'): Status => ({
  phase: 'Pending',
  conditions: [
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
    },
  ],
});

const terminated = (exitCode: number, message?: string): Status => ({
  phase: exitCode ? 'Failed' : 'Succeeded',
  containerStatuses: [
    { state: { terminated: { exitCode, reason: exitCode ? 'Error' : 'Completed', ...(message && { message }) } } },
  ],
});

describe('a loader that may still start', () => {
  const cases: Record<string, LoaderPod> = {
    'nothing known': { spec: {} },
    pending: pod({ phase: 'Pending' }),
    running: pod({ phase: 'Running', containerStatuses: [{ state: {} }] }),
    'creating its container': pod(waiting('ContainerCreating')),
    'waiting for its volume to be bound': pod(unschedulable('pod has unbound immediate PersistentVolumeClaims')),
    scheduled: pod({ conditions: [{ type: 'PodScheduled', status: 'True' }] }),
  };
  for (const [what, value] of Object.entries(cases)) {
    test(what, () => assert.equal(startProblem(value, LOADER_TERMS), undefined));
  }
});

describe('a loader that will not start', () => {
  const cases: Record<string, [LoaderPod, message: string, hint?: string]> = {
    'image not found': [
      pod(waiting('ErrImagePull', 'r.io/node:26: not found')),
      "the loader's image cannot be pulled: r.io/node:26: not found",
      '--image',
    ],
    'image pulls backing off': [
      pod(waiting('ImagePullBackOff')),
      "the loader's image cannot be pulled: ImagePullBackOff",
      '--image',
    ],
    'container not configurable': [
      pod(waiting('CreateContainerConfigError', 'configmap "x" not found')),
      'the loader cannot start: configmap "x" not found',
    ],
    'no program to run': [
      pod(waiting('RunContainerError', 'exec: "node": not found')),
      'the loader cannot start: exec: "node": not found',
    ],
    unschedulable: [pod(unschedulable()), 'the loader cannot be scheduled: 0/3 nodes are available', '--node'],
    evicted: [
      pod({ phase: 'Failed', reason: 'Evicted', message: 'low on disk' }),
      'the loader failed: low on disk',
      '--node',
    ],
    'failed without a reason': [pod({ phase: 'Failed' }), 'the loader failed: no reason given', 'again'],
    'ended at once': [pod(terminated(1, 'boom')), 'the loader failed: Error (exit code 1): boom', 'again'],
  };
  for (const [what, [value, message, hint]] of Object.entries(cases)) {
    test(what, () => {
      const problem = startProblem(value, LOADER_TERMS);
      assert.equal(problem?.message, message);
      assert.equal(problem?.hint?.includes(hint ?? ''), hint ? true : undefined);
    });
  }
});

describe('the end of a loader', () => {
  const cases: Record<string, [LoaderPod, end: string | undefined]> = {
    'none if nothing is known': [{ spec: {} }, undefined],
    'none while it runs': [pod({ phase: 'Running', containerStatuses: [{ state: {} }] }), undefined],
    'with its last line': [pod(terminated(1, 'one\ntwo\nerror: three\n')), 'Error (exit code 1): error: three'],
    'with its last line that is not an event': [
      pod(terminated(137, 'three\n{"type":"progress","seq":4}\n')),
      'Error (exit code 137): three',
    ],
    'without output': [pod(terminated(137)), 'Error (exit code 137)'],
    well: [pod(terminated(0)), 'Completed (exit code 0)'],
    'at its deadline': [pod({ phase: 'Failed', reason: 'DeadlineExceeded' }), 'its deadline was exceeded'],
    'by eviction': [pod({ phase: 'Failed', reason: 'Evicted' }), 'Evicted'],
  };
  for (const [what, [value, end]] of Object.entries(cases)) test(what, () => assert.equal(loaderEnd(value), end));
});

const running = pod({ phase: 'Running' });
const pulling = { state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } };
const killed = { state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } };

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
