import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sample } from '../harness/sample.ts';
import {
  becomes,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  preload,
  status,
} from './support/commands.ts';
import { objectsOf } from './support/leftovers.ts';
import { list } from './support/workloads.ts';

const NAMESPACE = 'difficult';
const IMAGE = sample('ops/probe:1.0');
const DRIVERS = { disk: 'disk.preload.test', 'attached-disk': 'attached-disk.preload.test' };

const storageClass = (name: string, driver: keyof typeof DRIVERS, parameters: object, reclaimPolicy = 'Delete') => ({
  ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name } },
  ...{ provisioner: DRIVERS[driver], parameters, reclaimPolicy },
});

const CLASSES = [
  storageClass('not-in-use', 'disk', { snapshots: 'detached' }),
  storageClass('not-attached', 'attached-disk', { snapshots: 'detached' }),
  storageClass('with-snapshots', 'disk', { deletion: 'after-snapshots' }),
  storageClass('retained', 'disk', {}, 'Retain'),
  storageClass('slow-clones', 'disk', { cloneSeconds: '25' }),
];

before(async () => {
  await createNamespace(NAMESPACE);
  await kubectl(['apply', '-f', '-'], list(CLASSES));
});

after(async () => {
  await deleteNamespaces(NAMESPACE);
  await kubectl(['delete', '-f', '-'], list(CLASSES));
});

const volumes = async (): Promise<string[]> =>
  (await kubectl(['get', 'pv', '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ').filter(Boolean);

const KEPT = (name: string) => [`ConfigMap preloaded-${name}`, `VolumeSnapshot ${name}`, 'VolumeSnapshotContent'];

/** Deletes a preload, so that the next test finds nothing but its own. */
const discard = async (name: string): Promise<void> => {
  await kubectl(['delete', 'volumesnapshot', name, '-n', NAMESPACE]);
  await becomes([], () => objectsOf(NAMESPACE));
};

for (const [name, snapshotClass] of [
  ['not-in-use', 'disk'],
  ['not-attached', 'attached-disk'],
] as const) {
  test(`a volume that cannot be snapshotted in use (${snapshotClass}) is released, and its snapshot becomes ready`, async () => {
    const before = await volumes();
    const flags = ['--storage-class', name, '--snapshot-class', snapshotClass];
    const { stderr } = await createPreload(NAMESPACE, name, [IMAGE, ...flags]);
    assert.match(
      stderr,
      / ! the snapshot of a volume in use failed: .*must be available.*; removing the loader, so that/,
    );
    assert.equal((await status(NAMESPACE, name)).phase, 'Ready');
    await becomes(KEPT(name), () => objectsOf(NAMESPACE));
    assert.deepEqual(await volumes(), before);
    await discard(name);
  });
}

test('a volume that its snapshot needs is reported by name', async () => {
  const before = await volumes();
  const { stderr } = await createPreload(NAMESPACE, 'needed', [IMAGE, '--storage-class', 'with-snapshots']);
  const left = (await volumes()).filter((name) => !before.includes(name));
  assert.equal(left.length, 1);
  const hint = `see: kubectl describe pv ${left[0]}`;
  assert.match(
    stderr,
    new RegExp(` ! persistentvolume/${left[0]} is still there: its storage may need it .*; ${hint}`),
  );
  await discard('needed');
  await becomes(before, volumes);
});

test('no volume of a class that retains them is left', async () => {
  const before = await volumes();
  const { stderr } = await createPreload(NAMESPACE, 'retained', [IMAGE, '--storage-class', 'retained']);
  assert.doesNotMatch(stderr, / ! /);
  assert.deepEqual(await volumes(), before);
  const verified = await preload(['verify', 'retained', '-n', NAMESPACE, '--storage-class', 'retained']);
  assert.equal(verified.code, 0, verified.stderr);
  assert.deepEqual(await volumes(), before);
  await discard('retained');
});

test('clones that take long are waited for', async () => {
  await createPreload(NAMESPACE, 'slow', [IMAGE, '--storage-class', 'slow-clones']);
  const verified = await preload(['verify', 'slow', '-n', NAMESPACE, '--storage-class', 'slow-clones']);
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(verified.stderr, /Cloning snap-\w+: cannot create the volume: .*the copy is still in progress/);
  await createPreload(NAMESPACE, 'next', [IMAGE, '--storage-class', 'slow-clones', '--base', 'slow']);
  for (const name of ['next', 'slow']) await discard(name).catch(() => {});
});
