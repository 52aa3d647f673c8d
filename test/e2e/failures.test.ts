import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sample } from '../harness/sample.ts';
import { becomes, createNamespace, deleteNamespaces, kubectl, preload } from './support/commands.ts';
import { HOPELESS_CLASSES, TINY_NODE } from './support/hopeless-objects.ts';
import { machineState, objectsOf } from './support/leftovers.ts';
import { list, podSpec, workload } from './support/workloads.ts';

const IMAGE = sample('ops/probe:1.0');
const MISSING = sample('nowhere:1');
const LARGE = ['shop/web:1.4', 'data/report:7', 'site/home:2026', 'build/runner:12'].map(sample);

interface Failure {
  args: string[];
  error: RegExp;
  hint: RegExp;
}

const failures: Record<string, Failure> = {
  'image-of-pod': {
    args: [IMAGE, '--image', MISSING, '--timeout', '15s'],
    error: /timed out after 15s; the loader's image cannot be pulled: .*nowhere:1/,
    hint: /--timeout/,
  },
  'node-unknown': { args: [IMAGE, '--node', 'nobody'], error: /node "nobody" not found/, hint: /kubectl get nodes/ },
  'node-too-small': {
    args: [IMAGE, '--node', 'tiny', '--timeout', '15s'],
    error: /timed out after 15s; the loader cannot be scheduled: .*Insufficient cpu/,
    hint: /--timeout/,
  },
  'platform-unknown': {
    args: [IMAGE, '--platform', 'linux/s390x', '--timeout', '10s'],
    error: /timed out after 10s; the loader cannot be scheduled: .*didn't match Pod's node affinity/,
    hint: /--timeout/,
  },
  'image-unknown': {
    args: [IMAGE, MISSING],
    error: /capture failed: .*nowhere:1: .*does not have sample\/nowhere/,
    hint: /the name/,
  },
  'volume-small': {
    args: [...LARGE, '--size', '64Mi'],
    error: /the volume is too small for these images/,
    hint: /--size \d+Gi$/,
  },
  'storage-unknown': {
    args: [IMAGE, '--storage-class', 'nothing'],
    error: /storage class "nothing" not found/,
    hint: /--storage-class: .*\bdisk\b/,
  },
  'storage-stuck': {
    args: [IMAGE, '--storage-class', 'stuck', '--snapshot-class', 'stuck', '--timeout', '10s'],
    error: /timed out after 10s[;:] .*/,
    hint: /--timeout/,
  },
  'snapshots-unknown': {
    args: [IMAGE, '--snapshot-class', 'nothing'],
    error: /volume snapshot class "nothing" not found/,
    hint: /--snapshot-class: .*\bdisk\b/,
  },
  'classes-unlike': {
    args: [IMAGE, '--snapshot-class', 'attached-disk'],
    error: /is for driver attached-disk\.preload\.test, but storage class "disk" uses disk\.preload\.test/,
    hint: /--storage-class and --snapshot-class/,
  },
  'no-snapshots-for-it': {
    args: [IMAGE, '--storage-class', 'without-snapshots'],
    error: /no volume snapshot class for nobody\.preload\.test/,
    hint: /VolumeSnapshotClass/,
  },
  restricted: {
    args: [IMAGE],
    error: /does not allow privileged pods \(PodSecurity: restricted\)/,
    hint: /kubectl label ns restricted/,
  },
  timeout: { args: [...LARGE, '--timeout', '3s'], error: /timed out after 3s/, hint: /--timeout/ },
};

let machine: Set<string>;

before(async () => {
  for (const namespace of [...Object.keys(failures), 'strict', 'skipping']) await createNamespace(namespace);
  await kubectl(['label', 'namespace', 'restricted', 'pod-security.kubernetes.io/enforce=restricted']);
  await kubectl(['apply', '-f', '-'], list(HOPELESS_CLASSES));
  await kubectl(['create', '-f', '-'], TINY_NODE);
  await kubectl(['patch', 'node', 'tiny', '--subresource=status', '-p', JSON.stringify({ status: TINY_NODE.status })]);
  machine = await machineState();
});

after(async () => {
  await deleteNamespaces(...Object.keys(failures), 'strict', 'skipping');
  await kubectl(['delete', '-f', '-'], list([...HOPELESS_CLASSES, TINY_NODE]));
});

describe('create fails with a reason and a remedy, and leaves nothing', { concurrency: 3 }, () => {
  for (const [name, { args, error, hint }] of Object.entries(failures)) {
    test(name, async () => {
      const { code, stdout, stderr } = await preload(['create', name, '-n', name, ...args]);
      assert.equal(code, 1, stderr);
      assert.equal(stdout, '');
      const [reason, remedy, ...more] = stderr
        .slice(stderr.search(/^error: /m))
        .trimEnd()
        .split('\n');
      assert.match(reason ?? '', error);
      assert.match(remedy ?? '', new RegExp(`^hint: .*${hint.source}`));
      assert.deepEqual(more, []);
      await becomes([], () => objectsOf(name));
    });
  }
});

test('an image that was found but cannot be captured is skipped with a warning, or fails with --strict', async () => {
  const found = [
    workload('Deployment', 'skipping', 'lost', podSpec([MISSING]), { replicas: 0 }),
    workload('Deployment', 'skipping', 'there', podSpec([IMAGE]), { replicas: 0 }),
  ];
  await kubectl(['apply', '-f', '-'], list(found));
  const { code, stdout, stderr } = await preload(['create', 'skipping', '-n', 'skipping']);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^ ! skipped .*nowhere:1 \(used by deployment\/skipping\/lost\): .*does not have sample\/nowhere.*$/m,
  );
  assert.match(stdout, /\nskipping .* 2 /);
  const strict = await preload(['create', 'strict', '-n', 'strict', '--strict']);
  assert.equal(strict.code, 1);
  assert.match(strict.stderr, /^error: capture failed: .*nowhere:1: .*does not have sample\/nowhere.*\nhint: /m);
  await becomes([], () => objectsOf('strict'));
});

test('a name that is taken is refused, and its preload is kept', async () => {
  const { code, stderr } = await preload(['create', 'skipping', '-n', 'skipping', IMAGE]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: volume snapshot "skipping" already exists in namespace "skipping"\nhint: .*status -n skipping$/m,
  );
  const kept = ['ConfigMap preloaded-skipping', 'VolumeSnapshot skipping', 'VolumeSnapshotContent'];
  await becomes(kept, () => objectsOf('skipping'));
});

test('nothing is left on the machine', async () => {
  await deleteNamespaces('skipping');
  await becomes([], async () => [...(await machineState()).difference(machine)]);
});
