import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LOADER_TERMS, type LoaderPod } from '../../../src/model/pod-state.ts';
import { createStartPatience, eventProblem, startProblem } from '../../../src/model/start-problem.ts';

type Status = NonNullable<LoaderPod['status']>;

const pod = (status: Status): LoaderPod => ({ spec: {}, status });

const waiting = (reason: string, message?: string): Status => ({
  phase: 'Pending',
  containerStatuses: [{ name: 'loader', state: { waiting: { reason, ...(message !== undefined && { message }) } } }],
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

const terminated = (exitCode: number, message?: string, reason = exitCode ? 'Error' : 'Completed'): Status => ({
  phase: exitCode ? 'Failed' : 'Succeeded',
  containerStatuses: [
    {
      name: 'loader',
      state: { terminated: { exitCode, reason, ...(message && { message }) } },
    },
  ],
});

describe('a loader that may still start', () => {
  const cases: Record<string, LoaderPod> = {
    'nothing known': { spec: {} },
    pending: pod({ phase: 'Pending' }),
    running: pod({ phase: 'Running', containerStatuses: [{ name: 'loader', state: {} }] }),
    'creating its container': pod(waiting('ContainerCreating')),
    'waiting for its volume to be bound': pod(unschedulable('pod has unbound immediate PersistentVolumeClaims')),
    scheduled: pod({ conditions: [{ type: 'PodScheduled', status: 'True' }] }),
  };
  for (const [what, value] of Object.entries(cases)) {
    test(what, () => assert.equal(startProblem(value, LOADER_TERMS), undefined));
  }
});

describe('a loader that does not start', () => {
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
    'without enough memory': [
      pod(terminated(137, undefined, 'OOMKilled')),
      'the loader failed: OOMKilled (exit code 137)',
      '--limits',
    ],
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

const MINUTE = 60_000;

describe('these problems end the run after a while', () => {
  const image = (reason: string, message?: string) => startProblem(pod(waiting(reason, message)), LOADER_TERMS);
  const event = (reason: string, message: string) => eventProblem({ reason, message }, LOADER_TERMS);
  const cases = {
    'an invalid name': [image('InvalidImageName', 'couldn\'t parse image name "a b"'), 0],
    'an image that does not exist': [image('ErrImagePull', 'failed to resolve: r.io/x:1: not found'), 2 * MINUTE],
    'a registry that wants a login': [image('ErrImagePull', 'unexpected status: 401 Unauthorized'), 2 * MINUTE],
    'a registry that is away': [image('ErrImagePull', 'dial tcp: connection refused'), undefined],
    'a wait after one of these': [image('ImagePullBackOff', 'Back-off pulling image "r.io/x:1"'), undefined],
    'a container that cannot be created': [image('CreateContainerError', 'context deadline exceeded'), undefined],
    'no room on any node': [startProblem(pod(unschedulable()), LOADER_TERMS), undefined],
    'no room on the required node': [startProblem(pod(unschedulable()), LOADER_TERMS, 'n1'), 2 * MINUTE],
    'a loader that failed': [startProblem(pod({ phase: 'Failed' }), LOADER_TERMS), 0],
    'a storage class that was deleted': [
      event('ProvisioningFailed', 'storageclass.storage.k8s.io "fast" not found'),
      20_000,
    ],
    'a base that was deleted': [
      event(
        'ProvisioningFailed',
        'error getting handle for DataSource Type VolumeSnapshot by Name old: "old" not found',
      ),
      20_000,
    ],
    'a provisioner that is slow': [event('ProvisioningFailed', 'rpc error: code = DeadlineExceeded'), undefined],
    'a filesystem that cannot be mounted': [
      event('FailedMount', 'MountVolume.MountDevice failed for volume "x": wrong fs type, bad option'),
      30_000,
    ],
    'a mount that fails': [event('FailedMount', 'MountVolume.SetUp failed: timed out'), undefined],
  } as const;
  for (const [what, [problem, limit]] of Object.entries(cases)) {
    test(what, () => assert.equal(problem?.limit, limit));
  }
});

describe('a mount that fails', () => {
  const refused = (options: string) =>
    `MountVolume.MountDevice failed for volume "pvc-1" : rpc error: code = Internal desc = mount failed: exit status 32
Mounting arguments: ${options} /dev/xvdb /var/lib/kubelet/plugins/globalmount
Output: mount: wrong fs type, bad option, bad superblock on /dev/xvdb, missing codepage or helper program.`;
  const hint = (message: string) => eventProblem({ reason: 'FailedMount', message }, LOADER_TERMS).hint;

  test('because of XFS may be one of two volumes with the same UUID', () => {
    assert.match(hint(refused('-t xfs -o defaults')) ?? '', /mountOptions \[nouuid\]/);
    assert.match(hint("fsconfig: Filesystem has duplicate UUID 0a1b - can't mount") ?? '', /nouuid/);
  });

  test('because of another filesystem needs another volume', () =>
    assert.equal(hint(refused('-t ext4 -o defaults')), LOADER_TERMS.otherVolume));
});

describe('the patience with problems', () => {
  const missing = { message: 'not found', limit: 100 };
  const waits = { message: 'Back-off' };

  test('ends when one has lasted as long as it may, with others between', () => {
    const lastsTooLong = createStartPatience();
    const seen = [
      lastsTooLong(missing, 0),
      lastsTooLong(waits, 50),
      lastsTooLong(missing, 99),
      lastsTooLong(waits, 110),
    ];
    assert.deepEqual(seen, [false, false, false, false]);
    assert.ok(lastsTooLong(missing, 120));
  });

  test('starts again when all is well', () => {
    const lastsTooLong = createStartPatience();
    assert.ok(!lastsTooLong(missing, 0) && !lastsTooLong(undefined, 90));
    assert.ok(!lastsTooLong(missing, 120));
  });

  test('has no end with others', () => assert.ok(!createStartPatience()(waits, Number.MAX_SAFE_INTEGER)));
  test('ends at once if a problem has no time', () =>
    assert.ok(createStartPatience()({ message: 'invalid', limit: 0 }, 7)));
});
