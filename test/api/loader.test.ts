import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../cluster/machine/until.ts';
import { STORAGE, startTestServer } from './api-server.ts';

const server = await startTestServer();
after(server.stop);

let untouched: string[];
before(async () => {
  await server.apply(...STORAGE);
  untouched = await server.objects();
});
afterEach(async () => assert.deepEqual(await server.objects(), untouched));

type Run = ReturnType<typeof server.start>;

/** Starts a `create` and returns once its loader pod exists; no node will ever run it. */
const createUntilPending = async (...flags: string[]): Promise<Run> => {
  const run = server.start('create', 'web', 'nginx:1', '--size', '2Gi', ...flags);
  await until('the loader starting', () => run.said.stderr.includes('Starting the loader') || ended(run));
  return run;
};

const ended = ({ child, said }: Run): boolean => {
  if (child.exitCode !== null) throw new Error(`create ended early: ${said.stderr}`);
  return false;
};

/** Runs the cleanup command in the message. */
const runRemedy = async (stderr: string): Promise<void> => {
  const command = /: kubectl (delete .*)$/m.exec(stderr)?.[1];
  assert.ok(command, stderr);
  await server.kubectl(command.split(' '));
};

let reports = 0;

/** What a controller or a kubelet says about the loader or its volume. */
const report = async (kind: 'Pod' | 'PersistentVolumeClaim', type: string, reason: string, message: string) => {
  const uid = await server.kubectl(['get', kind, 'preload-web', '--output', 'jsonpath={.metadata.uid}']);
  reports += 1;
  await server.apply({
    ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: `report-${reports}`, namespace: 'default' } },
    ...{ type, reason, message, lastTimestamp: new Date().toISOString().replace(/\.\d+/, '') },
    involvedObject: { kind, namespace: 'default', name: 'preload-web', uid },
  });
};

const waiting = (reason: string, message: string) => ({
  phase: 'Pending',
  containerStatuses: [
    {
      ...{ name: 'loader', image: 'i', imageID: '', ready: false, restartCount: 0 },
      state: { waiting: { reason, message } },
    },
  ],
});
const unschedulable = (message: string) => ({
  conditions: [
    {
      ...{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message },
      lastTransitionTime: new Date(Date.now() - 30_000).toISOString(),
    },
  ],
});

describe('a loader that cannot run ends create with the reason and a remedy, and leaves nothing', () => {
  const cases: Record<string, [status: object, reason: string, remedy?: string]> = {
    'an invalid image': [
      waiting('InvalidImageName', 'couldn\'t parse image name "a b"'),
      'the loader\'s image cannot be pulled: couldn\'t parse image name "a b"',
      'use --image to specify an image with Node.js 22 or newer that the node can pull',
    ],
    evicted: [
      { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
      'the loader failed: The node was low on resource: memory.',
      'run the command again, or use another node with --node',
    ],
  };
  for (const [what, [status, reason, remedy]] of Object.entries(cases)) {
    test(what, async () => {
      const run = await createUntilPending();
      await server.setStatus('pod/preload-web', 'default', status);
      const { code, stdout, stderr } = await run.outcome;
      assert.deepEqual([code, stdout], [1, '']);
      const said = stderr.trim().split('\n');
      assert.ok(said.includes(` ✗ Starting the loader: ${reason}`), stderr);
      assert.deepEqual(said.slice(said.indexOf(`error: ${reason}`) + 1), remedy ? [`hint: ${remedy}`] : []);
      assert.match(stderr, /✓ Removed pod\/preload-web, persistentvolumeclaim\/preload-web, configmap\/preload-web$/m);
    });
  }

  test('what may still pass is reported until the timeout', async () => {
    const run = await createUntilPending('--timeout', '20s');
    await server.setStatus('pod/preload-web', 'default', unschedulable('0/1 nodes are available: 1 Insufficient cpu.'));
    const { code, stderr } = await run.outcome;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^ • Starting the loader: the loader cannot be scheduled: .* 1 Insufficient cpu\. · \d+s · times out in \d+s \.\.\.$/m,
    );
    assert.match(stderr, /^error: timed out after 20s/m);
  });

  test('a timeout, with the last warning about the loader', async () => {
    const run = await createUntilPending('--timeout', '5s');
    const uid = await server.kubectl(['get', 'pod', 'preload-web', '--output', 'jsonpath={.metadata.uid}']);
    const involvedObject = { kind: 'Pod', namespace: 'default', name: 'preload-web', uid };
    const event = (name: string, type: string, message: string, lastTimestamp: string) => ({
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name, namespace: 'default' } },
      ...{ type, reason: 'FailedAttachVolume', message, involvedObject, lastTimestamp },
    });
    await server.apply(
      event('a', 'Warning', 'volume is in use', '2026-11-24T12:00:02Z'),
      event('b', 'Warning', 'volume is new', '2026-11-24T12:00:01Z'),
      event('c', 'Normal', 'volume is fine', '2026-11-24T12:00:03Z'),
    );
    const { code, stdout, stderr } = await run.outcome;
    assert.deepEqual([code, stdout], [1, '']);
    const reason = 'error: timed out after 5s: FailedAttachVolume: volume is in use';
    assert.ok(stderr.endsWith(`${reason}\nhint: raise --timeout\n`), stderr);
  });

  test('a provisioner that keeps failing, at the timeout', async () => {
    const run = await createUntilPending('--timeout', '15s');
    await report('PersistentVolumeClaim', 'Warning', 'ProvisioningFailed', 'quota exceeded');
    const { code, stderr } = await run.outcome;
    assert.equal(code, 1);
    const reason = 'timed out after 15s; cannot create the volume: quota exceeded';
    assert.ok(
      stderr.endsWith(`error: ${reason}\nhint: raise --timeout, or use another --storage-class or --size\n`),
      stderr,
    );
  });

  test('a filesystem that no node can mount', async () => {
    const run = await createUntilPending();
    await report('Pod', 'Warning', 'FailedMount', 'MountVolume.MountDevice failed: wrong fs type, bad superblock');
    const { code, stderr } = await run.outcome;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error: cannot mount the volume: MountVolume\.MountDevice failed: wrong fs type, .*\nhint: use another/m,
    );
  });

  test('deleted by someone else', async () => {
    const run = await createUntilPending();
    await server.kubectl(['delete', 'pod', 'preload-web']);
    const { code, stderr } = await run.outcome;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error: pod preload-web was deleted by someone else\nhint: run the command again; .* --node\n$/m,
    );
  });
});

test('what has passed or is about to pass does not end create', async () => {
  const run = await createUntilPending();
  await report('Pod', 'Warning', 'FailedMount', 'MountVolume.SetUp failed: failed to sync configmap cache');
  await report('Pod', 'Normal', 'TriggeredScaleUp', 'pod triggered scale-up');
  await server.setStatus('pod/preload-web', 'default', unschedulable('0/1 nodes are available'));
  await sleep(25_000);
  assert.equal(run.child.exitCode, null, run.said.stderr);
  run.child.kill('SIGINT');
  assert.equal((await run.outcome).code, 130);
});

test('--report writes what a maintainer needs, and no secrets', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'preload-report-'));
  t.after(() => rm(folder, { recursive: true }));
  const password = 'open-sesame-7c1a';
  const auths = { 'docker.io': { username: 'robot', password } };
  const secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'regcred', namespace: 'default' } },
    ...{ type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': JSON.stringify({ auths }) } },
  };
  await server.apply(secret);
  const file = join(folder, 'report.json');
  const run = await createUntilPending('--report', file, '--image-pull-secret', 'regcred');
  await report('Pod', 'Warning', 'FailedMount', 'MountVolume.SetUp failed: busy');
  await server.setStatus('pod/preload-web', 'default', { phase: 'Failed', message: 'The node was low on memory.' });
  const { code, stderr } = await run.outcome;
  await server.kubectl(['delete', 'secret', 'regcred']);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^Wrote ${file}\\. `, 'm'));
  const text = await readFile(file, 'utf8');
  for (const form of [password, Buffer.from(JSON.stringify({ auths })).toString('base64')]) {
    assert.ok(!text.includes(form));
  }
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const written = JSON.parse(text);
  assert.equal(written.error.message, 'the loader failed: The node was low on memory.');
  assert.match(written.versions.server, /^v1\./);
  assert.equal(written.versions.node, process.version);
  assert.equal(written.plan.name, 'web');
  const pod = written.objects.find(({ name }: { name: string }) => name === 'pod/preload-web');
  assert.partialDeepStrictEqual(pod.events, [{ reason: 'FailedMount', message: 'MountVolume.SetUp failed: busy' }]);
  assert.ok('log' in written);
});

test('a report that cannot be written is a warning', async () => {
  const run = await createUntilPending('--report', '/nonexistent/report.json');
  await server.setStatus('pod/preload-web', 'default', { phase: 'Failed' });
  const { code, stderr } = await run.outcome;
  assert.equal(code, 1);
  assert.match(stderr, /^ ! cannot write the report: ENOENT/m);
  assert.match(stderr, /✓ Removed pod\/preload-web/);
});

describe('a signal', () => {
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} while the loader starts removes all objects`, async () => {
      const run = await createUntilPending();
      run.child.kill(signal);
      const { code, stdout, stderr } = await run.outcome;
      assert.deepEqual([code, stdout], [expected, '']);
      assert.match(stderr, /✓ Removed pod\/preload-web, persistentvolumeclaim\/preload-web, configmap\/preload-web$/m);
      assert.doesNotMatch(stderr, /^(error|hint|Error)/m);
    });
  }

  test('while the objects are being created', async () => {
    const run = server.start('create', 'web', 'nginx:1', '--size', '2Gi');
    await until('the first object', () => run.said.stderr.includes('Creating a volume') || ended(run));
    run.child.kill('SIGINT');
    assert.equal((await run.outcome).code, 130);
  });

  test('before anything is created', async () => {
    const run = server.start('create', 'web', 'nginx:1');
    await until('the program', () => run.child.pid !== undefined);
    run.child.kill('SIGINT');
    const { code, stdout } = await run.outcome;
    assert.ok(code === 130 || run.child.signalCode === 'SIGINT'); // Node itself may not be up yet
    assert.equal(stdout, '');
  });

  test('a second one ends the command at once, even if objects are left', async () => {
    const run = await createUntilPending();
    await server.setFinalizers('pod/preload-web', ['example.com/hold']);
    run.child.kill('SIGINT');
    const deletion = ['get', 'pod', 'preload-web', '-o', 'jsonpath={.metadata.deletionTimestamp}'];
    await until('the deletion', async () => (await server.kubectl(deletion)) !== '');
    run.child.kill('SIGINT');
    const { code, stdout, stderr } = await run.outcome;
    assert.deepEqual([code, stdout], [130, '']);
    await server.setFinalizers('pod/preload-web', []);
    await runRemedy(stderr);
  });
});

describe('without --size, a pod that only plans comes first', () => {
  const createUntilPlanning = async (): Promise<Run> => {
    const run = server.start('create', 'web', 'nginx:1');
    const pod = ['get', 'pod', 'preload-web-plan', '--ignore-not-found', '-o', 'name'];
    await until('the pod', async () => (await server.kubectl(pod)) !== '' || ended(run));
    assert.doesNotMatch(run.said.stderr, /Creating a volume/);
    return run;
  };
  const terminated = (exitCode: number) => ({
    phase: exitCode === 0 ? 'Succeeded' : 'Failed',
    containerStatuses: [
      {
        ...{ name: 'loader', image: 'i', imageID: '', ready: false, restartCount: 0 },
        state: { terminated: { exitCode, reason: 'Error', message: 'no plan' } },
      },
    ],
  });

  test('what keeps it from starting ends create, and leaves nothing', async () => {
    const run = await createUntilPlanning();
    await server.setStatus('pod/preload-web-plan', 'default', waiting('InvalidImageName', 'bad name'));
    const { code, stderr } = await run.outcome;
    assert.equal(code, 1);
    assert.match(stderr, /^ ✗ Planning: the loader's image cannot be pulled: bad name$/m);
    assert.match(stderr, /✓ Removed pod\/preload-web-plan, configmap\/preload-web$/m);
  });

  test('status lists the preload meanwhile, and a signal removes all objects', async () => {
    const run = await createUntilPlanning();
    const { stdout } = await server.preload('status', 'web', '-o', 'json');
    assert.partialDeepStrictEqual(JSON.parse(stdout), { name: 'web', phase: 'Starting' });
    run.child.kill('SIGINT');
    assert.equal((await run.outcome).code, 130);
  });

  test('if it fails, the size is an estimate', async () => {
    const run = await createUntilPlanning();
    await server.setStatus('pod/preload-web-plan', 'default', terminated(1));
    await until('the loader starting', () => run.said.stderr.includes('Starting the loader') || ended(run));
    assert.match(run.said.stderr, /^ ✓ Could not plan, so the size of the volume is a guess\n • .*\n ✓ Volume 2Gi$/m);
    assert.equal(await server.kubectl(['get', 'pod', '-o', 'name']), 'pod/preload-web\n');
    run.child.kill('SIGINT');
    assert.equal((await run.outcome).code, 130);
  });
});

test('a run that finds what --keep left says how to remove it', async () => {
  const run = await createUntilPending('--keep');
  await server.setStatus('pod/preload-web', 'default', { phase: 'Failed', reason: 'Evicted' });
  assert.equal((await run.outcome).code, 1);
  const left = ['ConfigMap', 'PersistentVolumeClaim', 'Pod'].map((kind) => `${kind}/default/preload-web`);
  assert.deepEqual(
    (await server.objects()).filter((object) => !untouched.includes(object)),
    left,
  );
  const { code, stderr } = await server.preload('create', 'web', 'nginx:1');
  assert.equal(code, 1);
  await runRemedy(stderr);
});
