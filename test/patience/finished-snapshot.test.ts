import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { becomes, createNamespace, deleteNamespaces, kubectl, said, startPreload } from '../e2e/support/commands.ts';
import { snapshotClass } from '../e2e/support/hopeless-objects.ts';
import { objectsOf } from '../e2e/support/leftovers.ts';
import { list } from '../e2e/support/workloads.ts';
import {
  at,
  type Fault,
  type FaultyApiServer,
  FORBIDDEN,
  startFaultyApiServer,
  UNAVAILABLE,
} from '../harness/faulty-api-server.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';

// Each case has its own namespace, and creates a preload with the same name as the namespace.

const IMAGE = sample('ops/probe:1.0');
const WAITING = 'Waiting for the snapshot';
const SECRET = { namespace: 'default', name: 'late-secret' };
const withSecret = (name: string, secret: string) =>
  snapshotClass(name, 'disk.preload.test', {
    'csi.storage.k8s.io/snapshotter-secret-name': secret,
    'csi.storage.k8s.io/snapshotter-secret-namespace': SECRET.namespace,
  });
/** Their driver takes no snapshot before the secret is there. */
const CLASSES = list([withSecret('late', SECRET.name), withSecret('never', 'no-such-secret')]);
/** Long enough to capture on a busy machine, because the cases are about what comes after. */
const TIMEOUT = '60s';
const CONTINUES = /^The snapshot continues in the background\. Check it with: kubectl preload status (\S+) -n \1$/m;

/** Passes everything on until the snapshot of `name` is submitted. */
const onceSubmitted = (name: string, fault: Fault): Fault => {
  let submitted = false;
  return (method, path) => {
    if (submitted) return fault(method, path);
    submitted = method === 'POST' && path.includes(`/namespaces/${name}/volumesnapshots`) && !path.includes('dryRun');
    return undefined;
  };
};

/** Refuses the record, the second config map that a run creates. */
const withoutRecord = (name: string): Fault => {
  let isFirst = true;
  return (method, path) => {
    if (method !== 'POST' || !path.includes(`/namespaces/${name}/configmaps`) || path.includes('dryRun'))
      return undefined;
    if (!isFirst) return FORBIDDEN;
    isFirst = false;
    return undefined;
  };
};

const firstOf =
  (...faults: Fault[]): Fault =>
  (method, path) =>
    faults.map((fault) => fault(method, path)).find(Boolean);

const podOf = (name: string) => new RegExp(`^DELETE .*/namespaces/${name}/pods/preload-${name}(\\?|$)`);
const inNamespace = (name: string, methods: string) => new RegExp(`^${methods} .*/namespaces/${name}/`);

const FAULTS: Record<string, Fault> = {
  'delete-busy': at(podOf('delete-busy'), UNAVAILABLE, 3),
  'delete-refused': at(podOf('delete-refused'), FORBIDDEN),
  'record-refused': withoutRecord('record-refused'),
  'read-busy': onceSubmitted('read-busy', at(inNamespace('read-busy', 'GET'), UNAVAILABLE, 5)),
  'server-gone': onceSubmitted(
    'server-gone',
    firstOf(
      at(inNamespace('server-gone', 'GET'), UNAVAILABLE),
      at(inNamespace('server-gone', 'DELETE'), FORBIDDEN), // what may pass would be waited for
    ),
  ),
};
const NAMES = [...Object.keys(FAULTS), 'record-there', 'driver-late', 'driver-never', 'sigint', 'sigterm', 'slow-pod'];

let faulty: FaultyApiServer;

before(async () => {
  faulty = await startFaultyApiServer(process.env.KUBECONFIG ?? '');
  faulty.behave(firstOf(...Object.values(FAULTS)));
  for (const name of NAMES) await createNamespace(name);
  await kubectl(['apply', '-f', '-'], CLASSES);
});

after(async () => {
  await faulty.stop();
  await deleteNamespaces(...NAMES);
  await kubectl(['delete', '-f', '-', '--ignore-not-found'], CLASSES);
  await kubectl(['delete', 'secret', '-n', SECRET.namespace, SECRET.name, '--ignore-not-found']); // deletion needs it, too
});

const start = (name: string, ...flags: string[]) => {
  const child = startPreload(['create', name, '-n', name, IMAGE, ...flags], { KUBECONFIG: faulty.kubeconfig });
  return { child, ended: outcome(child) };
};

const finished = (name: string): string[] => [
  `ConfigMap preloaded-${name}`,
  `VolumeSnapshot ${name}`,
  'VolumeSnapshotContent',
];
const without = (name: string, kind: string): string[] => finished(name).filter((object) => !object.startsWith(kind));

const isReady = async (name: string): Promise<boolean> =>
  (await kubectl(['get', 'volumesnapshot', '-n', name, name, '-o', 'jsonpath={.status.readyToUse}'])) === 'true';

/** The command of a warning, run as a user would. */
const runRemedy = async (stderr: string): Promise<void> => {
  const [, command = ''] = /; remove (?:it|them) with: kubectl (delete .*)$/m.exec(stderr) ?? [];
  assert.ok(command, stderr);
  await kubectl(command.split(' '));
};

const succeeds = async (name: string, ...flags: string[]): Promise<string> => {
  const { code, stdout, stderr } = await start(name, ...flags).ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^NAME .*\n${name} +True +Ready .* snap-[0-9a-f]+ +\\d+s\n$`));
  return stderr;
};

describe('a snapshot that was submitted becomes ready', { concurrency: 3 }, () => {
  test('even if the API server briefly cannot delete the loader', async () => {
    const stderr = await succeeds('delete-busy');
    assert.doesNotMatch(stderr, /^ ✗|could not/m);
    await becomes(finished('delete-busy'), () => objectsOf('delete-busy'));
  });

  test('even if its record is refused', async () => {
    const name = 'record-refused';
    const stderr = await succeeds(name);
    assert.match(
      stderr,
      /^ ! could not create configmap\/preloaded-record-refused, .*: a webhook denied the request$/m,
    );
    await becomes(without(name, 'ConfigMap'), () => objectsOf(name));
  });

  test('even if it briefly cannot be read', async () => {
    await succeeds('read-busy');
    await becomes(finished('read-busy'), () => objectsOf('read-busy'));
  });

  test('even if its driver fails at first', async () => {
    const name = 'driver-late';
    const { child, ended } = start(name, '--snapshot-class', 'late');
    await said(child.stderr, WAITING);
    await becomes(true, async () => (await problemOf(name)).includes('cannot get credentials'));
    await sleep(11_000);
    await kubectl(['create', 'secret', 'generic', '-n', SECRET.namespace, SECRET.name]);
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    await becomes(finished(name), () => objectsOf(name));
  });
});

test('a config map with the name of the record is refused before anything is captured', async () => {
  const name = 'record-there';
  await kubectl(['create', 'configmap', '-n', name, `preloaded-${name}`]);
  const { code, stderr } = await start(name).ended;
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: configmap\/preloaded-record-there, .* already exists\nhint: .*kubectl delete configmap preloaded-record-there -n record-there$/m,
  );
  assert.deepEqual(await objectsOf(name), [`ConfigMap preloaded-${name}`]);
});

// Not concurrent: a leftover loader keeps the node from releasing the volumes that were mounted when it started.
describe('a warning explains how to remove what is left if the snapshot was submitted', () => {
  test('and the API server refuses to delete the loader', async () => {
    const name = 'delete-refused';
    const stderr = await succeeds(name, '--size', '1Gi'); // without a pod that plans
    assert.match(stderr, /^ ✓ Removed configmap\/preload-delete-refused$/m);
    const left = 'persistentvolumeclaim/preload-delete-refused pod/preload-delete-refused';
    assert.match(stderr, new RegExp(`^ ! could not remove ${left.split(' ').reverse().join(' ')}: `, 'm'));
    await runRemedy(stderr);
    await becomes(finished(name), () => objectsOf(name));
  });

  test('and the API server stops answering until the timeout, and then refuses', async () => {
    const name = 'server-gone';
    const { code, stdout, stderr } = await start(name, '--timeout', TIMEOUT).ended;
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, new RegExp(`^error: timed out after ${TIMEOUT}`, 'm'));
    assert.match(stderr, CONTINUES);
    assert.ok(await isReady(name));
    await runRemedy(stderr);
    await becomes(finished(name), () => objectsOf(name));
  });
});

const problemOf = (name: string): Promise<string> =>
  kubectl(['get', 'volumesnapshot', '-n', name, name, '-o', 'jsonpath={.status.error.message}']);

describe('if create ends while the snapshot is being taken, only the snapshot is left', () => {
  /** Deletes the snapshot: until then its source claim cannot be removed. */
  const leavesSnapshot = async (name: string, stderr: string): Promise<void> => {
    assert.match(stderr, CONTINUES);
    const left = (await objectsOf(name)).filter((object) => !/^Persistent|^Pod|Content$/.test(object));
    assert.deepEqual(left, without(name, 'VolumeSnapshotContent'));
    await kubectl(['delete', 'volumesnapshot', '-n', name, name]);
    await becomes([], () => objectsOf(name));
  };

  test('at the timeout, because its driver keeps failing', async () => {
    const name = 'driver-never';
    const { code, stdout, stderr } = await start(name, '--snapshot-class', 'never', '--timeout', TIMEOUT).ended;
    assert.deepEqual([code, stdout], [1, ''], stderr);
    const reason = `^error: timed out after ${TIMEOUT}; the volume snapshot is not ready: .*cannot get credentials`;
    assert.match(stderr, new RegExp(reason, 'm'));
    await leavesSnapshot(name, stderr);
  });

  for (const [signal, exit] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`on ${signal}`, async () => {
      const name = signal.toLowerCase();
      const { child, ended } = start(name, '--snapshot-class', 'never');
      await said(child.stderr, WAITING);
      child.kill(signal);
      const { code, stdout, stderr } = await ended;
      assert.deepEqual([code, stdout], [exit, ''], stderr);
      await leavesSnapshot(name, stderr);
    });
  }
});

test('Ctrl-C while a slow loader is being removed ends the wait, and the result is printed', async () => {
  const name = 'slow-pod';
  const { child, ended } = start(name);
  await said(child.stderr, 'Capturing ');
  const finalizers = (names: string[]) =>
    kubectl([
      'patch',
      'pod',
      '-n',
      name,
      `preload-${name}`,
      '--type=merge',
      '-p',
      JSON.stringify({ metadata: { finalizers: names } }),
    ]);
  await finalizers(['example.com/slow']);
  await said(child.stderr, 'Removing the loader');
  await sleep(1000);
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.match(stdout, /\nslow-pod +True +Ready /);
  await finalizers([]);
  await becomes(finished(name), () => objectsOf(name));
});
