import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { until } from '../cluster/machine/until.ts';
import { type Outcome, startBundle } from '../harness/run-bundle.ts';
import { grant, namespace, node } from './api-server.ts';
import { settings } from './records.ts';
import { created, logAnswer, startStage } from './staged-run.ts';

const stage = await startStage();
stage.faulty.behave(logAnswer);
after(() => stage.stop());
const { server } = stage;

const start = (...argv: string[]) =>
  startBundle(['create', ...argv, '--size', '1Gi'], { KUBECONFIG: stage.faulty.kubeconfig });
const ends = ({ outcome }: { outcome: Promise<Outcome> }): Promise<Outcome> => stage.during(outcome);
const create = (...argv: string[]): Promise<Outcome> => ends(start(...argv));

const untouched = await server.objects();
const added = async (): Promise<string[]> => {
  const known = new Set([...untouched, 'Node//arm', 'Node//gpu']);
  return (await server.objects()).filter((object) => !known.has(object));
};

const policyOf = async (name: string): Promise<string> =>
  server.kubectl(['get', 'volumesnapshotcontent', `content-default-${name}`, '-o', 'jsonpath={.spec.deletionPolicy}']);

describe('--retain', () => {
  test('makes the storage keep its snapshot', async () => {
    const { code, stdout, stderr } = await create('retained', 'nginx:1', '--retain', '-o', 'json');
    assert.equal(code, 0, stderr);
    assert.equal(await policyOf('retained'), 'Retain');
    assert.equal(JSON.parse(stdout).deletionPolicy, 'Retain');
    assert.doesNotMatch(stderr, /will also delete/);
  });

  test('is set as soon as the content is there, before the snapshot is ready', async () => {
    const run = start('early', 'nginx:1', '--retain');
    await stage.there({ name: 'early', ...run }, 'Pod/default/preload-early');
    await server.setStatus('pod/preload-early', 'default', { phase: 'Running' });
    await stage.there({ name: 'early', ...run }, 'VolumeSnapshot/default/early');
    await server.finishSnapshot('early', 'default', 'Delete', { readyToUse: false });
    await until('Retain', async () => (await policyOf('early')) === 'Retain');
    await server.setStatus('volumesnapshot/early', 'default', { readyToUse: true });
    assert.equal((await run.outcome).code, 0, run.said.stderr);
  });

  test('is missing if the command ends before that, which it says', async () => {
    const run = start('late', 'nginx:1', '--retain');
    await stage.there({ name: 'late', ...run }, 'Pod/default/preload-late');
    await server.setStatus('pod/preload-late', 'default', { phase: 'Running' });
    await until('the wait', () => run.said.stderr.includes('Waiting for the snapshot'));
    run.child.kill('SIGINT');
    const { code, stderr } = await run.outcome;
    assert.equal(code, 130);
    assert.match(stderr, /^ ! volumesnapshot\S+\/late is not retained yet; set deletionPolicy: Retain on its /m);
    await server.finishSnapshot('late');
  });

  test('is refused beforehand to a user who may not patch the contents of snapshots', async () => {
    const rules = { apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch', 'create', 'delete'] };
    await server.apply(...grant('unpatched', rules));
    await server.refuses(
      ['create', 'web', 'nginx:1', '--size', '1Gi', '--retain', '--as', 'unpatched'],
      /^error: this user is not allowed to patch volumesnapshotcontents\.snapshot\.storage\.k8s\.io, which --retain/m,
      /^hint: ask for this permission, or use a --snapshot-class with deletionPolicy Retain/m,
    );
  });

  test('is part of a run that is continued', async () => {
    const run = start('kept', 'nginx:1', '--retain');
    await stage.there({ name: 'kept', ...run }, 'Pod/default/preload-kept');
    await server.setStatus('pod/preload-kept', 'default', { phase: 'Running' });
    await stage.there({ name: 'kept', ...run }, 'VolumeSnapshot/default/kept');
    run.child.kill('SIGKILL');
    await run.outcome;
    const resumed = await ends(startBundle(['create', 'kept', '--resume'], { KUBECONFIG: stage.faulty.kubeconfig }));
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(await policyOf('kept'), 'Retain');
  });
});

test('--wait=false ends once the snapshot is accepted and the rest is being removed', async () => {
  const run = start('brief', 'nginx:1', '--wait=false', '--retain');
  await stage.there({ name: 'brief', ...run }, 'Pod/default/preload-brief');
  await server.setStatus('pod/preload-brief', 'default', { phase: 'Running' });
  await until('the snapshot', () => run.said.stderr.includes('Submitting the snapshot'));
  assert.ok((await added()).includes('PersistentVolumeClaim/default/preload-brief')); // the controller needs it
  await server.finishSnapshot('brief', 'default', 'Delete', { readyToUse: false });
  const { code, stdout, stderr } = await run.outcome;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\nbrief +False +Snapshotting +1 +9 +<snapshotting> +\d+s\n$/);
  assert.match(stderr, /^Next: kubectl preload status brief -n default$/m);
  assert.equal(await policyOf('brief'), 'Retain');
  await until('the clean-up', async () => !(await added()).some((object) => /preload-brief$/.test(object)));
});

test('--label and --annotation are on the snapshot, beside those of the tool', async () => {
  const argv = ['--label', 'team=web', '--label', 'empty=', '--annotation', 'example.com/note=a = b\nc'];
  assert.equal((await create('labelled', 'nginx:1', ...argv)).code, 0);
  const { metadata } = JSON.parse(await server.kubectl(['get', 'volumesnapshot', 'labelled', '-o', 'json']));
  assert.partialDeepStrictEqual(metadata, {
    labels: { team: 'web', empty: '', 'app.kubernetes.io/instance': 'labelled' },
    annotations: { 'example.com/note': 'a = b\nc' },
  });
});

describe('--dry-run=server', () => {
  test('says what the server accepts as kubectl does, and leaves nothing', async () => {
    const before = await server.objects();
    const { code, stdout, stderr } = await create('dry', 'nginx:1', '--dry-run=server');
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.split('\n'), [
      'configmap/preload-dry created (server dry run)',
      'persistentvolumeclaim/preload-dry created (server dry run)',
      'pod/preload-dry created (server dry run)',
      'volumesnapshot.snapshot.storage.k8s.io/dry created (server dry run)',
      '',
    ]);
    assert.deepEqual(await server.objects(), before);
  });

  test('prints what the server adds', async () => {
    const { stdout } = await create('dry', 'nginx:1', '--dry-run=server', '-o', 'yaml');
    const [, claim, pod] = loadAll(stdout) as { metadata: object; spec: object }[];
    assert.partialDeepStrictEqual(claim, { spec: { storageClassName: 'disk', volumeMode: 'Filesystem' } });
    assert.partialDeepStrictEqual(pod, { spec: { serviceAccountName: 'default' }, status: { phase: 'Pending' } });
    assert.doesNotMatch(stdout, /managedFields/);
  });

  test('fails as the real run would', async () => {
    await server.apply(...namespace('strict', { 'pod-security.kubernetes.io/enforce': 'restricted' }));
    await server.refuses(
      ['create', 'dry', 'nginx:1', '-n', 'strict', '--dry-run=server'],
      /^error: namespace "strict" does not allow privileged pods/m,
      /^hint: choose another namespace/m,
    );
  });
});

describe('--quiet', () => {
  test('prints the result alone', async () => {
    const { code, stdout, stderr } = await create('quiet', 'nginx:1', '-q');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /\nquiet +True +Ready /);
  });

  test('prints errors', async () => {
    const { code, stdout, stderr } = await start('quiet', 'nginx:1', '-q').outcome;
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error: volume snapshot "quiet" already exists in namespace "default"\nhint: [^\n]*\n$/);
  });
});

describe('at the end, create', () => {
  test('says what the snapshot holds, and what to type next', async () => {
    const { stderr } = await create('holding', 'nginx:1');
    assert.match(stderr, /^ ✓ Preload holding holds 1 image for linux\/amd64 \(9, 1 layer\)$/m);
    assert.match(stderr, /^Next: kubectl preload recipe daemonset holding -n default$/m);
  });
});

describe('--all-platforms', () => {
  before(() => server.apply(node('arm', {}, 'arm64')));

  test('creates a preload for each platform', async () => {
    const { code, stdout, stderr } = await create('multi', 'nginx:1', '--all-platforms', '-o', 'json');
    assert.equal(code, 0, stderr);
    const found = JSON.parse(stdout).items.map(({ name, platform }: Record<string, string>) => [name, platform]);
    assert.deepEqual(found, [
      ['multi-amd64', 'linux/amd64'],
      ['multi-arm64', 'linux/arm64'],
    ]);
    assert.match(stderr, /^ ✓ linux\/arm64: Loader running on /m);
    const own = (await added()).filter((object) => /multi/.test(object));
    assert.deepEqual(own, ['multi-amd64', 'multi-arm64'].flatMap((name) => created('create', name)).sort());
  });

  test('goes on if one fails, and fails in the end', async () => {
    await server.apply(volumeSnapshot(settings('half-arm64')));
    const { code, stdout, stderr } = await create('half', 'nginx:1', '--all-platforms');
    assert.equal(code, 1);
    assert.match(stdout, /^NAME .*\nhalf-amd64 +True .*\n$/);
    assert.match(
      stderr,
      /^error: 1 of 2 preloads failed\n {2}linux\/arm64: volume snapshot "half-arm64" already exists in namespace "default"; choose another name/m,
    );
  });

  test('leaves out a platform whose nodes take no loader, and says so', async () => {
    const closed = { ...node('gpu', {}, 'riscv64'), spec: { unschedulable: true } };
    await server.apply(closed);
    const { stdout, stderr } = await create('open', 'nginx:1', '--all-platforms', '--dry-run=client', '-o', 'name');
    assert.deepEqual(stdout.match(/^pod\/.*$/gm), ['pod/preload-open-amd64', 'pod/preload-open-arm64']);
    assert.match(
      stderr,
      /^ ! no preload for linux\/riscv64: all its nodes are cordoned or have taints; see --toleration$/m,
    );
    await server.kubectl(['delete', 'node', 'gpu']);
  });

  test('puts the architecture after a generated name', async () => {
    const argv = ['--generate-name', 'all-', 'nginx:1', '--all-platforms', '-o', 'name'];
    const { code, stdout, stderr } = await create(...argv);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\S+\/all-\d{8}-\d{6}-amd64\n\S+\/all-\d{8}-\d{6}-arm64\n$/);
  });

  test('removes what all have made on Ctrl-C', async () => {
    const before = await server.objects();
    const run = start('stopped', 'nginx:1', '--all-platforms');
    for (const arch of ['amd64', 'arm64'])
      await stage.there({ name: 'stopped', ...run }, `Pod/default/preload-stopped-${arch}`);
    run.child.kill('SIGINT');
    const { code, stdout } = await run.outcome;
    assert.deepEqual([code, stdout], [130, '']);
    assert.deepEqual(await server.objects(), before);
  });
});
