import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import yargs from 'yargs';
import { processContext } from '../../src/cli/context.ts';
import { builder } from '../../src/commands/export/command.ts';
import { exportRequest } from '../../src/commands/export/request.ts';
import type { RequestedImage } from '../../src/model/image.ts';
import { imageName } from '../../src/model/image-reference.ts';
import { parseRequest } from '../../src/model/request.ts';
import { runBundle } from '../harness/run-bundle.ts';
import { namespace, startTestServer } from './api-server.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const SHA512 = `r.io/app@sha512:${'0'.repeat(128)}`;
const PODS = 1100; // more than two pages

const server = await startTestServer();
after(server.stop);

const container = (image: string, name = 'main') => ({ name, image });
const meta = (name: string, more = {}) => ({ name, namespace: 'shop', ...more });
const pod = (name: string, image: string, more = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: meta(name, more),
  spec: { containers: [container(image)] },
});
const template = (app: string, image: string, spec = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [container(image)], ...spec },
});
const workload = (kind: string, name: string, image: string, more = {}) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: meta(name),
  spec: { selector: { matchLabels: { app: name } }, template: template(name, image), ...more },
});
const jobSpec = (image: string) => ({ template: template('job', image, { restartPolicy: 'Never' }) });

before(async () => {
  await server.apply(...namespace('shop'), ...namespace('crowd'));
  const crowd = Array.from({ length: PODS }, (_, index) => ({
    ...pod('', `r.io/crowd-${index % 7}:1`),
    metadata: { name: `pod-${index}`, namespace: 'crowd' },
  }));
  const parts = [0, 1, 2, 3, 4].map((part) => crowd.filter((_, index) => index % 5 === part)); // kubectl throttles each
  await Promise.all(parts.map((part) => server.apply(...part)));

  const everything = {
    initContainers: [container('r.io/init:1', 'init')],
    containers: [container('busybox'), container('docker.io/library/busybox:latest', 'again')],
    volumes: [{ name: 'data', image: { reference: 'r.io/data:1' } }],
  };
  const web = workload('Deployment', 'web', 'nginx:1.27', { replicas: 0 });
  await server.apply(
    web,
    workload('StatefulSet', 'db', 'r.io/db:1', { serviceName: 'db', replicas: 0 }),
    workload('DaemonSet', 'agent', `r.io/agent:1@${DIGEST}`),
    { apiVersion: 'batch/v1', kind: 'Job', metadata: meta('once'), spec: { suspend: true, ...jobSpec('r.io/once:1') } },
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: meta('report'),
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: jobSpec('r.io/report:1') } },
    },
    { ...pod('everything', ''), spec: everything },
    pod('odd', 'not an image!'),
    pod('odd-too', 'not an image!'),
    pod('escapes', 'r.io/\u001b[31mred:1'),
    pod('long-digest', SHA512),
    pod('single', 'nginx:1.27'),
    workload('DaemonSet', 'windows-agent', 'r.io/agent-windows:1', {
      template: template('windows-agent', 'r.io/agent-windows:1', { nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    }),
    {
      ...pod('iis', ''),
      spec: { os: { name: 'windows' }, containers: [container('r.io/iis:1'), container('busybox', 'b')] },
    },
  );
  await server.kubectl(['debug', '-n', 'shop', 'everything', '--image=r.io/debug:1', '--profile=general']);
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'u', controller: true };
  const rollout = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'canary', uid: 'u', controller: true };
  await server.apply(
    pod('web-1-x', 'nginx:1.27', { ownerReferences: [owner] }),
    pod('canary-x', 'nginx:1.27', { namespace: 'crowd', ownerReferences: [rollout] }),
  );
});

/** What `create` would ask the loader to capture. */
const request = async (flags: string[] = [], env: Record<string, string> = {}) => {
  const argv = ['create', 'all', '--dry-run=client', '-o', 'json', ...flags];
  const { code, stdout, stderr } = await runBundle(argv, { KUBECONFIG: server.kubeconfig, ...env });
  assert.equal(code, 0, stderr);
  const data: string = JSON.parse(stdout).items[0].binaryData['request.json.gz'];
  return { ...parseRequest(gunzipSync(Buffer.from(data, 'base64')).toString()), stderr };
};

const crowd = Array.from({ length: 7 }, (_, index) => `r.io/crowd-${index}:1`);
const inShop = [
  'docker.io/library/busybox:latest',
  'docker.io/library/nginx:1.27',
  `r.io/agent@${DIGEST}`,
  'r.io/data:1',
  'r.io/db:1',
  'r.io/debug:1',
  'r.io/init:1',
  'r.io/once:1',
  'r.io/report:1',
];
const names = (images: RequestedImage[]): string[] => images.map(({ name }) => imageName(name));

describe('without image arguments, create captures the images in use', () => {
  test('in all kinds of workloads and containers, each once, across all pages', async () => {
    const { images, cache, platform, stderr } = await request();
    assert.deepEqual(names(images), [...inShop, ...crowd].sort());
    assert.deepEqual([cache, platform], [false, 'linux/amd64']);
    assert.match(stderr, /^ ✓ 16 images in use in 2 namespaces/m);
  });

  test('but not what only Windows pods use', async () => {
    const { images, stderr } = await request();
    assert.deepEqual(
      names(images).filter((name) => /windows|iis/.test(name)),
      [],
    );
    assert.match(stderr, /^ ✓ 16 images in use in 2 namespaces, without 2 images for Windows$/m);
    assert.doesNotMatch(stderr, /(windows|iis).*skipped|skipped.*(windows|iis)/);
  });

  test('and reports who uses them: the workload, not its pods', async () => {
    const { images } = await request(['--exclude', 'r.io/crowd']);
    assert.deepEqual(Object.fromEntries(images.map(({ name, usedBy }) => [imageName(name), usedBy])), {
      'docker.io/library/busybox:latest': 'pod/shop/everything',
      'docker.io/library/nginx:1.27': 'deployment/shop/web',
      [`r.io/agent@${DIGEST}`]: 'daemonset/shop/agent',
      'r.io/data:1': 'pod/shop/everything',
      'r.io/db:1': 'statefulset/shop/db',
      'r.io/debug:1': 'pod/shop/everything',
      'r.io/init:1': 'pod/shop/everything',
      'r.io/once:1': 'job/shop/once',
      'r.io/report:1': 'cronjob/shop/report',
    });
  });

  test('and in which namespaces, also by owned pods, since their pull secrets may be tried', async () => {
    const { images } = await request(['--exclude', 'r.io/']);
    assert.deepEqual(
      images.map(({ name, namespaces }) => [imageName(name), namespaces]),
      [
        ['docker.io/library/busybox:latest', ['shop']],
        ['docker.io/library/nginx:1.27', ['shop', 'crowd']],
      ],
    );
  });

  test('the same ones that export finds by itself', async (t) => {
    const said: string[] = [];
    t.mock.method(process.stderr, 'write', (text: string) => said.push(text));
    process.env.KUBECONFIG = server.kubeconfig;
    const context = processContext(AbortSignal.timeout(30_000));
    const options = await builder(yargs([])).parseAsync();
    const { images } = await exportRequest(options, context);
    t.mock.restoreAll();
    const found = await request();
    assert.deepEqual(images, found.images);
    assert.ok(found.stderr.includes(said.join('')), said.join(''));
    assert.equal(said.length, 3);
  });

  test('and skips those that are missing, unless --strict is given', async () => {
    assert.ok((await request()).images.every(({ required }) => !required));
    assert.ok(
      (await request(['--strict', '--exclude', 'not an,r.io/?,r.io/app@'])).images.every(({ required }) => required),
    );
  });

  test('and warns about those whose names are not valid, once each', async () => {
    const { stderr } = await request();
    const warnings = stderr.split('\n').filter((line) => line.includes('skipped'));
    assert.deepEqual(warnings, [
      ' ! skipped r.io/?[31mred:1 (used by pod/shop/escapes): not an image reference',
      ` ! skipped ${SHA512} (used by pod/shop/long-digest): sha512 digests are not supported`,
      ' ! skipped not an image! (used by pod/shop/odd): not an image reference',
    ]);
  });

  test('or fails because of them, if --strict is given, unless they are excluded', async () => {
    const argv = ['create', 'all', '--dry-run=client', '--strict', '--exclude', 'not an,r.io/?'];
    const { code, stdout, stderr } = await runBundle(argv, { KUBECONFIG: server.kubeconfig });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error: cannot capture r\.io\/app@sha512:0+ \(used by pod\/shop\/long-digest\): sha512/m);
    assert.match(stderr, /^hint: change the image of the workload, or leave it out with --exclude$/m);
  });

  test('but not what is excluded', async () => {
    const { images, exclude } = await request(['--exclude', 'r.io/crowd,nginx', '--exclude', 'r.io/d']);
    const left = inShop.filter((name) => !/nginx|r\.io\/d/.test(name));
    assert.deepEqual(names(images), left);
    assert.deepEqual(exclude, ['r.io/crowd', 'nginx', 'r.io/d']);
  });

  test('with the numbers, switches and lists of the environment', async () => {
    const { images, parallel, exclude, forcePull } = await request([], {
      ...{ KUBECTL_PRELOAD_PARALLEL: '8', KUBECTL_PRELOAD_EXCLUDE: 'r.io/,not an', KUBECTL_PRELOAD_FORCE_PULL: 'true' },
    });
    assert.deepEqual([parallel, exclude, forcePull], [8, ['r.io/', 'not an'], true]);
    assert.equal(images.length, 2);
  });

  test('and not what the environment excludes', async () => {
    const { images } = await request([], { KUBECTL_PRELOAD_EXCLUDE: 'r.io/,nginx' });
    assert.deepEqual(names(images), ['docker.io/library/busybox:latest']);
  });

  test('and the cache of the node, if requested', async () => {
    assert.deepEqual(await request(['--from', 'cache']).then(({ images, cache }) => [images, cache]), [[], true]);
    const both = await request(['--from', 'cluster,cache']);
    assert.deepEqual([both.images.length, both.cache], [16, true]);
  });
});
