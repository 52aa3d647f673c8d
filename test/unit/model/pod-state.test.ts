import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LoaderPod, loaderEnd } from '../../../src/model/pod-state.ts';

type Status = NonNullable<LoaderPod['status']>;

const pod = (status: Status): LoaderPod => ({ spec: {}, status });

const terminated = (exitCode: number, message?: string): Status => ({
  phase: exitCode ? 'Failed' : 'Succeeded',
  containerStatuses: [
    {
      name: 'loader',
      state: { terminated: { exitCode, reason: exitCode ? 'Error' : 'Completed', ...(message && { message }) } },
    },
  ],
});

describe('the end of a loader', () => {
  const cases: Record<string, [LoaderPod, end: string | undefined]> = {
    'none if nothing is known': [{ spec: {} }, undefined],
    'none while it runs': [pod({ phase: 'Running', containerStatuses: [{ name: 'loader', state: {} }] }), undefined],
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

test('a container that was injected into the pod is not the loader', () => {
  const sidecar = { name: 'istio-proxy', state: { terminated: { exitCode: 1, reason: 'Error' } } };
  const containerStatuses = [sidecar, { name: 'loader', state: {} }];
  assert.equal(loaderEnd(pod({ phase: 'Running', containerStatuses })), undefined);
});
