import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { load } from 'js-yaml';
import type { PreloadSummary } from '../../src/model/summary.ts';
import { until } from '../cluster/machine/until.ts';
import {
  at,
  type FaultyApiServer,
  FORBIDDEN,
  LEADER_CHANGED,
  startFaultyApiServer,
  UNAVAILABLE,
} from '../harness/faulty-api-server.ts';
import { grant, STORAGE, startTestServer } from './api-server.ts';
import { claim, csi, volume } from './claims.ts';

const server = await startTestServer();
after(server.stop);

const NAME = 'volumesnapshot.snapshot.storage.k8s.io/nightly';

before(async () => {
  await server.apply(volume('disk', csi('disk.example.com')), claim('on-disk', 'disk'));
  await server.setStatus('pvc/on-disk', 'default', { phase: 'Bound' });
});

const snapshot = (pvc = 'on-disk', ...flags: string[]): string[] => [
  ...['snapshot', '--name', 'nightly', '--pvc', pvc],
  ...flags,
];

const CONTINUES =
  /^The snapshot continues in the background\. Check it with: kubectl preload status nightly -n default$/m;

type Run = ReturnType<typeof server.start>;

/** Starts the command and returns once its snapshot is there, which no driver will ever take. */
const startWaiting = async (argv: string[]): Promise<Run> => {
  const run = server.start(...argv);
  await until('the wait', () => {
    if (run.child.exitCode !== null) throw new Error(`ended early: ${run.said.stderr}`);
    return run.said.stderr.includes('Waiting for the snapshot');
  });
  return run;
};

const run = async (policy: 'Delete' | 'Retain', argv: string[]) => {
  const { outcome } = await startWaiting(argv);
  await server.finishSnapshot('nightly', 'default', policy);
  const { code, stdout, stderr } = await outcome;
  assert.equal(code, 0, stderr);
  return { stdout, stderr };
};

describe('snapshot', () => {
  before(() => server.apply(...STORAGE));
  afterEach(() => server.kubectl(['delete', NAME, '--ignore-not-found']));

  test('snapshots the claim, waits until it is ready, and shows it like status', async () => {
    const { stdout, stderr } = await run('Delete', snapshot());
    const [head = '', row = ''] = stdout.split('\n');
    assert.match(head, /^NAME +READY +PHASE +IMAGES +SIZE +SNAPSHOT-ID +AGE$/);
    assert.match(row, /^nightly +True +Ready +<unknown> +<unknown> +snap-nightly +\d+s$/);
    assert.match(stderr, /^ • Waiting for the snapshot \.\.\.\n ✓ Snapshot ready\n/);
    assert.match(
      stderr,
      /^ ! deleting volumesnapshot\/nightly will also delete snap-nightly \(deletionPolicy Delete\); to keep it, /m,
    );
    const { spec } = JSON.parse(await server.kubectl(['get', NAME, '-o', 'json']));
    assert.deepEqual(spec, { source: { persistentVolumeClaimName: 'on-disk' } });
    assert.match((await server.preload('status', 'nightly')).stdout, /^Snapshot ID: +snap-nightly /m);
  });

  test('-o json and -o yaml print the same as status', async () => {
    const { stdout } = await run('Retain', snapshot('on-disk', '--class', 'disk', '-o', 'json'));
    const { created, ...summary } = JSON.parse(stdout) as PreloadSummary;
    assert.deepEqual(summary, {
      ...{ apiVersion: 'kubectl-preload/v1', kind: 'Preload' },
      ...{ name: 'nightly', namespace: 'default', phase: 'Ready', snapshotId: 'snap-nightly' },
      ...{ driver: 'disk.example.com', deletionPolicy: 'Retain' },
    });
    const { stdout: yaml } = await server.preload('status', 'nightly', '-o', 'yaml');
    assert.deepEqual(load(yaml), { ...summary, created });
    const className = ['get', NAME, '-o', 'jsonpath={.spec.volumeSnapshotClassName}'];
    assert.equal(await server.kubectl(className), 'disk');
  });

  test('-o name prints one line, and there is no warning if the snapshot is retained', async () => {
    const { stdout, stderr } = await run('Retain', snapshot('on-disk', '-o', 'name'));
    assert.equal(stdout, `${NAME}\n`);
    assert.doesNotMatch(stderr, /^ !/m);
  });

  test('accepts the flags that every command used to have', async () => {
    const old = ['--ctr-flags', '-a /run/containerd/containerd.sock', '--ctr-path', '/usr/local/bin/ctr'];
    const { stdout } = await run('Retain', ['--debug', 's', ...snapshot('on-disk', '-o', 'name', ...old).slice(1)]);
    assert.equal(stdout, `${NAME}\n`);
  });

  test('keeps waiting after a driver error, and fails only at the timeout', async () => {
    const { outcome } = await startWaiting(snapshot('on-disk', '--timeout', '12s'));
    await server.setStatus(NAME, 'default', { error: { message: 'quota exceeded' } });
    const { code, stdout, stderr } = await outcome;
    assert.deepEqual([code, stdout], [1, '']);
    const reason = 'timed out after 12s; the volume snapshot is not ready: quota exceeded';
    assert.match(stderr, new RegExp(`^ ✗ Waiting for the snapshot: quota exceeded: ${reason}$`, 'm'));
    assert.match(stderr, new RegExp(`^error: ${reason}\nhint: check that the CSI driver .*\n$`, 'm'));
    assert.match(stderr, CONTINUES);
    await server.kubectl(['get', NAME]);
  });

  test('succeeds if the driver succeeds after an error', async () => {
    const { outcome } = await startWaiting(snapshot());
    await server.setStatus(NAME, 'default', { error: { message: 'request limit exceeded' } });
    await sleep(11_000); // longer than drivers need between two tries
    await server.finishSnapshot('nightly');
    const { code, stdout, stderr } = await outcome;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^nightly .* snap-nightly /m);
  });

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`ends on ${signal}, and the snapshot continues`, async () => {
      const { child, outcome } = await startWaiting(snapshot());
      child.kill(signal);
      const { code, stdout, stderr } = await outcome;
      assert.deepEqual([code, stdout], [expected, '']);
      assert.match(stderr, CONTINUES);
      assert.doesNotMatch(stderr, /^(error|hint|Error)/m);
      await server.kubectl(['get', NAME]);
    });
  }

  test('fails at the timeout with the last warning, and the snapshot continues', async () => {
    const { outcome } = await startWaiting(snapshot('on-disk', '--timeout', '5s'));
    await server.apply({
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'slow', namespace: 'default' }, type: 'Warning' },
      ...{ reason: 'SnapshotSlow', message: 'the storage is busy', lastTimestamp: '2026-11-24T12:00:02Z' },
      involvedObject: { kind: 'VolumeSnapshot', namespace: 'default', name: 'nightly', uid: await uid() },
    });
    const { code, stderr } = await outcome;
    assert.equal(code, 1);
    assert.match(stderr, CONTINUES);
    assert.match(stderr, /^error: timed out after 5s: SnapshotSlow: the storage is busy\nhint: raise --timeout\n$/m);
    await server.kubectl(['get', NAME]);
  });
});

describe('an API server that fails during the wait for the snapshot', () => {
  const awaited = /^GET .*\/volumesnapshots\b.*nightly/;
  let faulty: FaultyApiServer;
  before(async () => {
    await server.apply(...STORAGE);
    faulty = await startFaultyApiServer(server.kubeconfig);
  });
  after(() => faulty.stop());
  afterEach(() => server.kubectl(['delete', NAME, '--ignore-not-found']));

  for (const answer of [UNAVAILABLE, LEADER_CHANGED, { ...UNAVAILABLE, code: 429, reason: 'TooManyRequests' }]) {
    test(`briefly with ${answer.code} does no harm`, async () => {
      faulty.behave(() => undefined);
      const { outcome } = await startWaiting(snapshot('on-disk', '--kubeconfig', faulty.kubeconfig));
      faulty.behave(at(awaited, answer, 5));
      await until('the fault', () => faulty.spoilt.length === 5);
      await server.finishSnapshot('nightly');
      const { code, stdout, stderr } = await outcome;
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^nightly .* snap-nightly /m);
    });
  }

  test('with 403 ends the command, and the snapshot is kept', async () => {
    faulty.behave(() => undefined);
    const { outcome } = await startWaiting(snapshot('on-disk', '--kubeconfig', faulty.kubeconfig));
    faulty.behave(at(awaited, FORBIDDEN));
    const { code, stdout, stderr } = await outcome;
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, CONTINUES);
    assert.match(stderr, /^Error from server \(Forbidden\): a webhook denied the request$/m);
    await server.kubectl(['get', NAME]);
  });
});

const uid = () => server.kubectl(['get', NAME, '-o', 'jsonpath={.metadata.uid}']);

test('a user who may only create and read snapshots gets one', async () => {
  const rule = (resource: string, ...verbs: string[]) => ({
    ...{ apiGroups: ['snapshot.storage.k8s.io'], resources: [resource], verbs },
  });
  const rules = [rule('volumesnapshots', 'get', 'create'), rule('volumesnapshotcontents', 'get')];
  await server.apply(...grant('job', ...rules));
  const { stdout } = await run('Retain', snapshot('on-disk', '--as', 'job'));
  assert.match(stdout, /^nightly .* snap-nightly /m);
});
