import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { load } from 'js-yaml';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { recordImages } from '../../src/model/record.ts';
import { capturedImage, digest, layer } from '../harness/captured-images.ts';
import { grant, namespace, node, startTestServer } from './api-server.ts';
import { matchesSchema } from './output-schema.ts';
import { record, recordOf, settings, zipped } from './records.ts';

const server = await startTestServer();
after(server.stop);

const diff = (...argv: string[]) => server.preload('diff', ...argv);

const image = (tag: string, character: string) =>
  capturedImage({
    names: [`r.io/${tag}`, `r.io/${tag.split(':')[0]}@${digest(character)}`],
    ...{ digest: digest(character), layers: [layer(character, 1024)] },
  });

const makePreload = async (name: string, images: ReturnType<typeof image>[], fields: object = {}) => {
  await server.apply(volumeSnapshot(settings(name)));
  const content = zipped({ ...record, ...recordImages(images), ...fields });
  await server.apply(await recordOf(server, name, 'default', content));
  await server.finishSnapshot(name);
};

before(async () => {
  await server.apply(...namespace('shop'));
  await makePreload('nightly-20261126-010000', [image('a:1', 'a'), image('b:1', 'b'), image('c:1', 'c')]);
  await makePreload('web', [image('a:1', 'a'), image('b:1', 'e'), image('d:1', 'd')], { usedBytes: 4 * 1024 ** 3 });
  await makePreload('same', [image('a:1', 'a'), image('b:1', 'e'), image('d:1', 'd')]);
  await makePreload('partial', [image('a:1', 'a')], { incomplete: true });
  await server.apply(volumeSnapshot(settings('taking')));
});

describe('between two preloads', () => {
  test('a table of what changed, and a summary on standard error', async () => {
    const { code, stdout, stderr } = await diff('nightly-', 'web');
    assert.equal(code, 1, stderr);
    assert.equal(
      stdout,
      `NAME       CHANGE    OLD            NEW            SIZE
r.io/b:1   changed   bbbbbbbbbbbb   eeeeeeeeeeee   1Ki
r.io/c:1   removed   cccccccccccc   <none>         1Ki
r.io/d:1   added     <none>         dddddddddddd   1Ki
`,
    );
    assert.equal(
      stderr,
      'From preload "nightly-20261126-010000" to preload "web": 1 image added, 1 changed, 1 removed; ' +
        '2 layers added, 2 removed; 4Gi on the volume, was 3Gi.\n',
    );
  });

  test('no difference is exit code 0', async () => {
    const { code, stdout, stderr } = await diff('web', 'same');
    assert.deepEqual([code, stdout], [0, ''], stderr);
    assert.match(stderr, /: 0 images added, 0 changed, 0 removed; 0 layers added, 0 removed; /);
    assert.deepEqual(await diff('web', 'same', '-o', 'name'), { code: 0, stdout: '', stderr: '' });
  });

  test('names, JSON and YAML', async () => {
    assert.deepEqual(await diff('nightly-', 'web', '-o', 'name'), {
      ...{ code: 1, stdout: 'r.io/b:1\nr.io/c:1\nr.io/d:1\n', stderr: '' },
    });
    const { stdout } = await diff('nightly-', 'web', '-o', 'json');
    const document = JSON.parse(stdout);
    matchesSchema(document);
    assert.deepEqual(document.from, { name: 'nightly-20261126-010000', platform: 'linux/amd64', size: 3 * 1024 ** 3 });
    assert.deepEqual(document.layers, { added: 2, removed: 2, kept: 1 });
    assert.deepEqual(load((await diff('nightly-', 'web', '-o', 'yaml')).stdout), document);
    assert.match(
      (await diff('nightly-', 'web', '-o', 'wide')).stdout,
      /^r\.io\/b:1 +changed +sha256:b{64} +sha256:e{64} +1Ki$/m,
    );
  });
});

test('between a preload and the cluster', async () => {
  const template = (image: string) => ({ spec: { containers: [{ name: 'c', image }] } });
  const job = (name: string, image: string) => ({
    ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name, namespace: 'shop' } },
    spec: {
      schedule: '0 0 1 1 *',
      jobTemplate: { spec: { template: { spec: { ...template(image).spec, restartPolicy: 'Never' } } } },
    },
  });
  await server.apply(
    node('other', { 'r.io/new:1': 2048 }),
    job('a', 'r.io/a:1'),
    job('b', 'r.io/b:1'),
    job('new', 'r.io/new:1'),
  );
  const { code, stdout, stderr } = await diff('nightly-');
  assert.equal(code, 1, stderr);
  assert.equal(
    stdout,
    `NAME         CHANGE    OLD            NEW         SIZE
r.io/c:1     removed   cccccccccccc   <none>      1Ki
r.io/new:1   added     <none>         <unknown>   2Ki
`,
  );
  assert.match(
    stderr,
    /^From preload "nightly-20261126-010000" to the cluster: 1 image added, 0 changed, 1 removed\.$/m,
  );
  matchesSchema(JSON.parse((await diff('nightly-', '-o', 'json')).stdout));
});

describe('failures have exit code 2', () => {
  const cases: [argv: string[], problem: RegExp][] = [
    [['absent'], /^Error from server \(NotFound\): preloads "absent" not found$/m],
    [['weekly-'], /^error: no preload with the prefix "weekly-" is ready /m],
    [['web', 'taking'], /^error: volume snapshot "taking" is not ready$/m],
    [['web', 'partial'], /^error: the record of preload "partial" does not list all its images/m],
    [['web', '--frobnicate'], /^error: unknown flag: --frobnicate$/m],
    [['WEB'], /^error: invalid NAME "WEB"/m],
    [[], /^error: exactly one NAME is required/m],
  ];
  for (const [argv, problem] of cases) {
    test(argv.join(' ') || 'no name', async () => {
      const { code, stdout, stderr } = await diff(...argv);
      assert.deepEqual([code, stdout], [2, ''], stderr);
      assert.match(stderr, problem);
    });
  }

  test('no right to list pods in all namespaces', async () => {
    const resources = ['configmaps', 'volumesnapshots', 'volumesnapshotcontents'];
    await server.apply(
      ...grant('blind', { apiGroups: ['*'], resources, verbs: ['list', 'get'] }),
      { ...ROLE, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] },
      {
        ...{ ...ROLE, kind: 'RoleBinding' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'blind' },
        subjects: [{ kind: 'User', name: 'blind' }],
      },
    );
    const { code, stderr } = await diff('web', '--as', 'blind');
    assert.equal(code, 2);
    assert.match(stderr, /^error: this user is not allowed to list pods, .*\nhint: ask for the right to list pods/m);
  });
});

const ROLE = {
  ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
  metadata: { name: 'blind', namespace: 'default' },
};
