import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  becomes,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  preload,
} from '../e2e/support/commands.ts';
import { objectsOf } from '../e2e/support/leftovers.ts';
import { list } from '../e2e/support/workloads.ts';
import { sample } from '../harness/sample.ts';

// Each storage has its own class and namespace with the same name. The test driver is what the class says.

const IMAGE = sample('ops/probe:1.0');
const DISK = 'disk.preload.test';
const ATTACHED_DISK = 'attached-disk.preload.test';
const XFS = { 'csi.storage.k8s.io/fstype': 'xfs', mount: 'without-nouuid' };

interface Storage {
  what: string;
  driver: string;
  parameters?: Record<string, string>;
  /** further fields of its class */
  more?: object;
  /** the warning of create; none if undefined */
  warning?: RegExp;
  /** its volumes stay as long as their snapshots */
  isKept?: boolean;
  /** how long its volumes may take to go, on a busy machine; the usual time if undefined */
  seconds?: number;
}

const RELEASED = /^ ! the snapshot of a volume in use failed: .*must be available.*; removing the loader, so that /m;

/** Those that take longest come first. */
const WORKING: Record<string, Storage> = {
  'with-snapshots': {
    what: 'deletes volumes only after their snapshots',
    ...{ driver: DISK, parameters: { deletion: 'after-snapshots' }, isKept: true },
    warning: /^ ! persistentvolume\/(\S+) is still there: .*has snapshot snap-.*; see: kubectl describe pv \1$/m,
  },
  'slow-detach': {
    what: 'cannot detach volumes for 75 s',
    ...{ driver: ATTACHED_DISK, parameters: { detachSeconds: '75' }, seconds: 600 },
    warning: /^ ! persistentvolume\/(\S+) is still there: .*still attached.*; see: kubectl describe pv \1$/m,
  },
  'not-in-use': {
    what: 'takes no snapshots of volumes in use, and does not attach volumes',
    ...{ driver: DISK, parameters: { snapshots: 'detached' }, warning: RELEASED },
  },
  'not-attached': {
    what: 'takes no snapshots of attached volumes',
    ...{ driver: ATTACHED_DISK, parameters: { snapshots: 'detached' }, warning: RELEASED },
  },
  retained: { what: 'retains volumes', driver: DISK, more: { reclaimPolicy: 'Retain' } },
  'slow-clones': { what: 'needs 25 s for a clone', driver: DISK, parameters: { cloneSeconds: '25' } },
  'plain-xfs': { what: 'has XFS and mounts it without nouuid', driver: DISK, parameters: XFS },
};

const OTHERS: Record<string, Storage> = {
  'twin-xfs': { what: 'mounts XFS with nouuid', driver: DISK, parameters: XFS, more: { mountOptions: ['nouuid'] } },
  shared: { what: 'has a shared filesystem', driver: DISK, parameters: { mount: 'fuse' } },
};

const storageClass = ([name, { driver, parameters = {}, more }]: [string, Storage]) => ({
  ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, provisioner: driver, parameters },
  ...more,
});

const CLASSES = list([...Object.entries(WORKING), ...Object.entries(OTHERS)].map(storageClass));
const NAMESPACES = [...Object.keys(WORKING), ...Object.keys(OTHERS), 'unstarted', 'not-allowed'];

before(async () => {
  for (const name of NAMESPACES) await createNamespace(name);
  await kubectl(['apply', '-f', '-'], CLASSES);
});

after(async () => {
  await deleteNamespaces(...NAMESPACES);
  await kubectl(['delete', '-f', '-'], CLASSES);
});

const onClass = (name: string, ...flags: string[]) => [IMAGE, '--storage-class', name, ...flags];
const verify = (namespace: string, name: string, storageClass: string) =>
  preload(['verify', name, '-n', namespace, '--storage-class', storageClass]);

const preloads = (...names: string[]): string[] =>
  [
    ...names.map((name) => `ConfigMap preloaded-${name}`),
    ...names.map((name) => `VolumeSnapshot ${name}`),
    ...names.map(() => 'VolumeSnapshotContent'),
  ].sort();

describe('create, verify and create --base work on storage that', { concurrency: 4 }, () => {
  for (const [name, { what, warning, isKept = false, seconds }] of Object.entries(WORKING)) {
    test(what, async () => {
      const says = (stderr: string) =>
        warning ? assert.match(stderr, warning) : assert.doesNotMatch(stderr, / ! persistentvolume| failed: /);
      const created = await createPreload(name, 'first', onClass(name));
      says(created.stderr);
      const verified = await verify(name, 'first', name);
      assert.equal(verified.code, 0, verified.stderr);
      const based = await createPreload(name, 'second', onClass(name, '--base', 'first'));
      says(based.stderr);
      assert.match(based.stderr, /layers? kept/);
      const volumes = isKept ? ['PersistentVolume', 'PersistentVolume'] : [];
      await becomes([...preloads('first', 'second'), ...volumes].sort(), () => objectsOf(name), seconds);
      await kubectl(['delete', 'volumesnapshot', '--all', '-n', name]);
      await becomes([], () => objectsOf(name));
    });
  }

  test('has XFS, while another volume of the snapshot is mounted on the node, if the class mounts with nouuid', async () => {
    const name = 'twin-xfs';
    await createPreload(name, 'kept', onClass('plain-xfs', '--keep'));
    const before = (await objectsOf(name)).filter((object) => !object.endsWith('-plan')); // which is being removed
    const refusal =
      /^error: cannot mount the volume: .*\nhint: if the node has another volume of the same snapshot, XFS needs a --storage-class with mountOptions \[nouuid\]/ms;
    const failed = await verify(name, 'kept', 'plain-xfs');
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, refusal);
    const stopped = await preload(['create', 'next', '-n', name, ...onClass('plain-xfs', '--base', 'kept')]);
    assert.equal(stopped.code, 1, stopped.stderr);
    assert.match(stopped.stderr, refusal);
    assert.doesNotMatch(stopped.stderr, /Capturing/);
    await becomes(before, () => objectsOf(name));
    const verified = await verify(name, 'kept', name);
    assert.equal(verified.code, 0, verified.stderr);
    await createPreload(name, 'next', onClass(name, '--base', 'kept'));
  });
});

test('create stops before the capture on a shared filesystem', async () => {
  const name = 'shared';
  const { code, stderr } = await preload(['create', name, '-n', name, ...onClass(name)]);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /^error: capture failed: the volume has fuse\S*, a shared filesystem, which cannot hold layers$/m,
  );
  assert.match(stderr, /^hint: use --storage-class with a class of block volumes$/m);
  assert.doesNotMatch(stderr, /Capturing/);
  await becomes([], () => objectsOf(name));
});

test('no volume of a class that retains them is left if the loader does not start', async () => {
  const name = 'unstarted';
  const { code, stderr } = await preload([
    'create',
    name,
    '-n',
    name,
    ...onClass('retained', '--size', '1Gi', '--image', 'in/VALID:1'),
  ]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^ ✓ Removed .*persistentvolumeclaim/m);
  await becomes([], () => objectsOf(name));
});

test('a user who may not change volumes is told which one is retained', async () => {
  const [name, user] = ['not-allowed', 'maker'];
  await kubectl(['apply', '-f', '-'], list(mayDoAllButChangeVolumes(user)));
  try {
    const { stderr } = await createPreload(name, name, onClass('retained', '--as', user));
    const [, volume = ''] =
      /^ ! its storage class retains persistentvolume\/(\S+), .*: kubectl delete pv \1$/m.exec(stderr) ?? [];
    assert.ok(volume, stderr);
    assert.deepEqual(await objectsOf(name), [...preloads(name), 'PersistentVolume'].sort());
    const spec = { persistentVolumeReclaimPolicy: 'Delete' };
    await kubectl(['patch', 'pv', volume, '-p', JSON.stringify({ spec })]);
    await becomes(preloads(name), () => objectsOf(name));
  } finally {
    await kubectl(['delete', '-f', '-'], list(mayDoAllButChangeVolumes(user)));
  }
});

const mayDoAllButChangeVolumes = (user: string): object[] => {
  const group = 'rbac.authorization.k8s.io';
  const everything = [
    'pods',
    'pods/log',
    'persistentvolumeclaims',
    'configmaps',
    'secrets',
    'events',
    'nodes',
    'namespaces',
  ];
  const rules = [
    { apiGroups: [''], resources: everything, verbs: ['*'] },
    { apiGroups: ['storage.k8s.io', 'snapshot.storage.k8s.io'], resources: ['*'], verbs: ['*'] },
    { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['get', 'list', 'watch'] },
  ];
  const object = (kind: string, more: object) => ({
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name: user },
    ...more,
  });
  return [
    object('ClusterRole', { rules }),
    object('ClusterRoleBinding', {
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: user },
      subjects: [{ apiGroup: group, kind: 'User', name: user }],
    }),
  ];
};
