import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { labels } from '../../src/model/names.ts';
import { recordImages } from '../../src/model/record.ts';
import type { PreloadSummary } from '../../src/model/summary.ts';
import { capturedImage, digest, layer } from '../harness/captured-images.ts';
import { grant, namespace, node, startTestServer } from './api-server.ts';
import { matchesSchema } from './output-schema.ts';
import { record, recordOf, settings, zipped } from './records.ts';

const server = await startTestServer();
after(server.stop);

const SHOP = 'shop';
const status = (...flags: string[]) => server.preload('status', ...flags);
const json = async (...flags: string[]): Promise<PreloadSummary> => {
  const { code, stdout, stderr } = await status('-o', 'json', ...flags);
  assert.equal(code, 0, stderr);
  const document: unknown = JSON.parse(stdout);
  matchesSchema(document);
  return document as PreloadSummary;
};

const image = (tag: string, character: string, more = {}) =>
  capturedImage({
    names: [`r.io/${tag}`, `r.io/${tag.split(':')[0]}@${digest(character)}`],
    ...{ digest: digest(character), layers: [layer(character, 1000)], ...more },
  });

const makePreload = async (
  name: string,
  images: ReturnType<typeof image>[],
  fields: object = {},
  extra: object = {},
) => {
  const { metadata, ...rest } = volumeSnapshot(settings(name));
  await server.apply({ ...rest, metadata: { ...metadata, labels: { ...metadata.labels, ...extra } } });
  const content = zipped({ ...record, ...recordImages(images), ...fields });
  await server.apply(await recordOf(server, name, 'default', content));
  await server.finishSnapshot(name);
};

/** A pod as its kubelet reports it: on a node, with what it runs. */
const makePod = async (
  name: string,
  containers: Record<string, string>,
  { on = 'worker', owner = '', phase = 'Running', more = {} } = {},
) => {
  const ownerReferences = owner
    ? [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: owner,
          uid: '00000000-0000-0000-0000-000000000001',
          controller: true,
        },
      ]
    : [];
  const names = Object.keys(containers).map((image, index) => ({ name: `c${index}`, image }));
  await server.apply({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: SHOP, ownerReferences, ...more } },
    spec: { nodeName: on, containers: names },
  });
  const containerStatuses = Object.values(containers).map((imageID, index) => ({
    ...{ name: `c${index}`, image: '', imageID, ready: true, restartCount: 0 },
  }));
  await server.setStatus(`pod/${name}`, SHOP, { phase, containerStatuses });
};

const deployment = (name: string, image: string, spec = {}) => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: SHOP } },
  spec: {
    ...{ replicas: 0, selector: { matchLabels: { app: name } } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image }], ...spec } },
  },
});

before(async () => {
  await server.apply(...namespace(SHOP), node('arm', {}, 'arm64'), {
    ...{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker', labels: { 'preload/set': record.set } } },
  });
  await server.apply(
    deployment('api', 'r.io/api:2'),
    deployment('web', 'r.io/web:1'),
    deployment('idle', 'r.io/idle:1'),
    deployment('arm-only', 'r.io/arm-only:1', { nodeSelector: { 'kubernetes.io/arch': 'arm64' } }),
  );
  await makePod('api-1', { 'r.io/api:2': `r.io/api@${digest('2')}` }, { owner: 'api' });
  await makePod('api-2', { 'r.io/api:2': `r.io/api@${digest('2')}` }, { owner: 'api' });
  await makePod('web-1', { 'r.io/web:1': `docker-pullable://r.io/web@${digest('4')}` }, { owner: 'web' });
  await makePod('tool', { 'r.io/tool:1': `r.io/tool@${digest('5')}`, 'r.io/tool:latest': digest('0') });
  await makePod('on-arm', { 'r.io/arm:1': `r.io/arm@${digest('6')}` }, { on: 'arm' });
  await makePod('loader', { 'r.io/loader:1': '' }, { more: { labels: labels('other', 'loader', '1') } });
  const content = [image('web:1', '3'), image('tool:1', '5'), image('idle:1', '7'), image('old:1', '8')];
  await makePreload('nightly-20261126-010000', [image('pause:3', '9', { sandbox: true }), ...content]);
  await makePreload('lean', content, { exclude: ['r.io/api', 'r.io/tool:latest'] }, { team: 'shop' });
  await makePreload('arm', [image('arm:1', '6')], { platform: 'linux/arm64', set: 'ffffffffffff' });
  await makePreload('partial', content, { incomplete: true });
});

describe('the coverage of a preload', () => {
  test('is in the table, and wide adds phase, platform and nodes', async () => {
    const rows = async (...flags: string[]) =>
      (await status(...flags)).stdout
        .trimEnd()
        .split('\n')
        .map((row) => row.replace(/\d+s$/, 'AGO').split(/ {2,}/));
    assert.deepEqual(await rows(), [
      ['NAME', 'READY', 'IMAGES', 'SIZE', 'COVERAGE', 'SNAPSHOT-ID', 'AGE'],
      ['arm', 'True', '1', '3Gi', '1/3', 'snap-arm', 'AGO'],
      ['lean', 'True', '4', '3Gi', '2/3', 'snap-lean', 'AGO'],
      ['nightly-20261126-010000', 'True', '5', '3Gi', '2/5', 'snap-nightly-20261126-010000', 'AGO'],
      ['partial', 'True', '4+', '3Gi', '<unknown>', 'snap-partial', 'AGO'],
    ]);
    assert.deepEqual((await rows('-o', 'wide', '-l', 'team=shop')).slice(0, 2), [
      ['NAME', 'READY', 'PHASE', 'IMAGES', 'SIZE', 'COVERAGE', 'NODES', 'PLATFORM', 'SNAPSHOT-ID', 'AGE'],
      ['lean', 'True', 'Ready', '4', '3Gi', '2/3', '1', 'linux/amd64', 'snap-lean', 'AGO'],
    ]);
  });

  test('is shown in full for one, the newest with a prefix', async () => {
    const { stdout, stderr, code } = await status('nightly-');
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout.replace(/\d+s ago/, 'AGO'),
      `Name:          nightly-20261126-010000
Namespace:     default
Ready:         True
Snapshot ID:   snap-nightly-20261126-010000  (disk.example.com, Retain)
Platform:      linux/amd64
Images:        5 (3Gi, 2 layers)
Created:       AGO on worker, kubectl-preload 1.2.3
Nodes:         1 labelled preload/set=0123456789ab
Coverage:      2 of 5 images in use
  missing      r.io/api:2         deployment/shop/api, 2 pods
  missing      r.io/tool:latest   pod/shop/tool
  outdated     r.io/web:1         deployment/shop/web, 1 pod, runs sha256:444444444444, not sha256:333333333333
  unused       r.io/old:1         1000
`,
    );
  });

  test('is in JSON in full for one, and as two numbers in a list', async () => {
    const { coverage } = await json('nightly-');
    assert.ok(coverage);
    assert.deepEqual(coverage.missing?.[0], {
      ...{ name: 'r.io/api:2', digest: digest('2'), pods: 2 },
      users: [{ kind: 'deployment', namespace: SHOP, name: 'api' }],
    });
    assert.deepEqual(
      coverage.outdated?.map(({ preloaded }) => preloaded),
      [digest('3')],
    );
    const { stdout } = await status('-o', 'jsonpath={range .items[*]}{.coverage}{end}');
    assert.equal(stdout, '{"inUse":3,"present":1}{"inUse":3,"present":2}{"inUse":5,"present":2}\n');
  });

  test('is unknown without the right to list pods, and so are the nodes without that to list nodes', async () => {
    const resources = ['configmaps', 'volumesnapshots', 'volumesnapshotcontents'];
    const loaders = { apiGroups: [''], resources: ['pods'], verbs: ['list'] };
    await server.apply(...grant('blind', { apiGroups: ['*'], resources, verbs: ['list', 'get'] }), {
      ...{
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'blind', namespace: 'default' },
      },
      rules: [loaders],
    });
    await server.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      ...{ kind: 'RoleBinding', metadata: { name: 'blind', namespace: 'default' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'blind' },
      subjects: [{ kind: 'User', name: 'blind' }],
    });
    const { code, stdout, stderr } = await status('-o', 'wide', '--as', 'blind');
    assert.equal(code, 0);
    assert.equal(
      stderr,
      ` ! pods count for every platform: this user is not allowed to list nodes
 ! the coverage is not shown: this user is not allowed to list pods in all namespaces
`,
    );
    assert.match(stdout, /\nlean +True +Ready +4 +3Gi +<unknown> +<unknown> +linux\/amd64 +snap-lean /);
    const required = await status('lean', '--as', 'blind', '--require-coverage', '1');
    assert.equal(required.code, 1);
    assert.match(required.stderr, /^error: preload "lean" has an unknown coverage, and 1 % is required$/m);
  });
});

describe('--require-coverage', () => {
  test('fails below it, with both numbers and the first missing images', async () => {
    const { code, stdout, stderr } = await status('nightly-', '--require-coverage', '41');
    assert.equal(code, 1);
    assert.match(stdout, /^Coverage: +2 of 5 /m);
    assert.match(
      stderr,
      /^error: preload "nightly-20261126-010000" has 2 of 5 images in use, less than 41 %: it lacks r\.io\/api:2, r\.io\/tool:latest, r\.io\/web:1\nhint: .*kubectl preload status nightly-20261126-010000 -n default/,
    );
  });

  test('succeeds at it', async () => {
    assert.equal((await status('nightly-', '--require-coverage', '40')).code, 0);
    assert.equal((await status('-l', 'team=shop', '--require-coverage', '66.6', '-o', 'name')).code, 0);
  });

  test('fails if there is nothing', async () => {
    const { code, stderr } = await status('-l', 'team=nobody', '--require-coverage', '1');
    assert.equal(code, 1);
    assert.match(stderr, /^error: there is no preload that could cover the images in use$/m);
  });

  for (const value of ['0', '101', 'all', '-1']) {
    test(`does not accept ${value}`, async () => {
      const { code, stderr } = await status(`--require-coverage=${value}`);
      assert.equal(code, 1);
      assert.match(stderr, /invalid argument ".*" for "--require-coverage": must be a percentage such as 100/);
    });
  }
});

test('--watch prints a row whenever a preload changes, until Ctrl-C', async () => {
  const watch = server.start('status', '--watch');
  const until = async (pattern: RegExp) => {
    const end = Date.now() + 30_000;
    while (!pattern.test(watch.said.stdout)) {
      assert.ok(Date.now() < end, watch.said.stdout + watch.said.stderr);
      await sleep(200);
    }
  };
  await until(/^NAME .*\narm .*\nlean .*\nnightly.*\npartial .*\n$/);
  await server.apply(volumeSnapshot(settings('watched')));
  await until(/\nwatched +False +<none> +<none> +<none> +<snapshotting> +\d+s\n$/);
  await server.apply(await recordOf(server, 'watched'));
  await server.finishSnapshot('watched');
  await until(/\nwatched +True +2 +3Gi +0\/5 +snap-watched +\d+s\n$/);
  await server.kubectl(['delete', 'volumesnapshot', 'watched']);
  const end = Date.now() + 10_000;
  while (!watch.said.stderr.includes('preload "watched" in namespace default was deleted')) {
    assert.ok(Date.now() < end, watch.said.stderr);
    await sleep(200);
  }
  watch.child.kill('SIGINT');
  assert.equal((await watch.outcome).code, 130);
  assert.ok(!watch.said.stdout.includes('\u001b'));
});

describe('flags that do not go together', () => {
  const lines: [string[], RegExp][] = [
    [['web', '-l', 'a=b'], /specify NAME or --selector, not both/],
    [['-w', '--require-coverage', '1'], /specify --watch or --require-coverage, not both/],
    [['-o', 'csv'], /invalid argument "csv" for "--output": must be one of wide, name, json, yaml, jsonpath=TEMPLATE/],
    [['-o', 'jsonpath={..x}'], /invalid argument .*\{\.\.x\} is not supported; fields/],
  ];
  for (const [flags, problem] of lines) {
    test(flags.join(' '), async () => {
      const { code, stdout, stderr } = await status(...flags);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, problem);
    });
  }

  test('and a selector that the server does not accept', async () => {
    const { code, stderr } = await status('-l', 'a b');
    assert.equal(code, 1);
    assert.match(stderr, /^Error from server \(BadRequest\): .*found 'b'/);
  });
});
