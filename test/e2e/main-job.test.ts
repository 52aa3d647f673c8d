import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../cluster/machine/until.ts';
import { sample, sampleManifest } from '../harness/sample.ts';
import {
  addNode,
  becomes,
  cluster,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  onNode,
  removeNode,
  status,
} from './support/commands.ts';
import { machineState, objectsOf } from './support/leftovers.ts';
import { failToPull, runWithoutPulling } from './support/present-images.ts';
import { cronJob, job, list, pod, podSpec, workload } from './support/workloads.ts';

const NAMESPACES = ['shop', 'data', 'preloads', 'arrivals'];
const NODES = { '1.6': 'arrival-1-6', '2': 'arrival-2' };

const web = await sampleManifest('shop/web:1.4');
const prices = await sampleManifest('shop/prices:2.0');
const checkout = `${sample('shop/checkout')}@${(await sampleManifest('shop/checkout:1.5')).digest}`;
const index = `${sample('index')}@${(await sampleManifest('index:1')).digest}`;

const IN_USE = [
  ...['shop/web:1.4', 'ops/probe:1.0', 'shop/prices:2.0', 'mirror/prices:2.0', 'site/home:2026'].map(sample),
  ...['cache/sessions:3', 'ops/agent:1.0', 'data/report:7', 'ops/backup:1.0', 'data/import:7'].map(sample),
  ...['shop/web:latest', 'node:26', 'build/runner:12'].map(sample),
  ...[checkout, index],
];

const BY_EVERY_NAME = [
  ...IN_USE,
  `${sample('shop/web')}@${web.digest}`,
  `${sample('shop/web')}:1.4@${web.digest}`,
  `${sample('shop/web')}:latest@${web.digest}`,
  `${sample('mirror/prices')}@${prices.digest}`,
  `${sample('mirror/prices')}:2.0@${prices.digest}`,
  checkout.replace('@', ':1.5@'),
];

before(async () => {
  for (const namespace of NAMESPACES) await createNamespace(namespace);
  const [shop, data] = ['shop', 'data'];
  await kubectl(
    ['apply', '-f', '-'],
    list([
      workload('Deployment', shop, 'web', podSpec([sample('shop/web:1.4')], initially('ops/probe:1.0'))),
      workload('Deployment', shop, 'checkout', podSpec([checkout])),
      workload('Deployment', shop, 'prices', podSpec(['shop/prices:2.0', 'mirror/prices:2.0'].map(sample))),
      workload('Deployment', shop, 'home', podSpec([sample('site/home:2026')]), { replicas: 0 }),
      workload('StatefulSet', data, 'sessions', podSpec([sample('cache/sessions:3')])),
      workload('DaemonSet', data, 'agent', podSpec([sample('ops/agent:1.0')])),
      cronJob(data, 'report', podSpec([sample('data/report:7')], initially('ops/backup:1.0'))),
      job(data, 'import', podSpec([sample('data/import:7')])),
      pod(data, 'tools', podSpec([sample('shop/web:latest'), sample('node:26'), index.replace('@', ':1@')])),
    ]),
  );
  await kubectl(['wait', '--for=condition=Ready', '--timeout=120s', '-n', data, 'pod/tools']);
  await kubectl(['debug', '-n', data, 'tools', `--image=${sample('build/runner:12')}`, '--profile=general']);
  const debugging = '{.status.ephemeralContainerStatuses[0].state.running.startedAt}';
  await kubectl(['wait', `--for=jsonpath=${debugging}`, '--timeout=60s', '-n', data, 'pod/tools']);
  await kubectl(['wait', '--for=jsonpath={.status.ready}=1', '--timeout=60s', '-n', data, 'job/import']);
  for (const set of ['deployment/web', 'deployment/checkout', 'deployment/prices']) await rollout(shop, set);
  for (const set of ['statefulset/sessions', 'daemonset/agent']) await rollout(data, set);
  // create chooses the node by what its kubelet reports
  await until('the kubelet to report the images', async () =>
    (await reportedImages('worker')).includes(sample('shop/web:1.4')),
  );
});

after(async () => {
  await cluster('registry', 'start');
  await deleteNamespaces(...NAMESPACES);
});

test('captures every image in use, and leaves nothing but the snapshot and its record', async () => {
  const before = await machineState();
  const imagesOnNode = await imageNames('worker');

  const { stdout, stderr } = await createPreload('preloads', 'demo', []);
  assert.match(stdout, /^NAME .*IMAGES +SIZE +SNAPSHOT-ID .*\ndemo .* 14 +\d+Mi +snap-[0-9a-f]{16} .*\n$/);
  assert.match(stderr, new RegExp(`${IN_USE.length} images in use in 2 namespaces`));
  assert.match(stderr, /Node worker has \d+ of 15 images/);
  assert.doesNotMatch(stderr, /skipped/);

  const { phase, snapshotId, images = [] } = await status('preloads', 'demo');
  assert.equal(phase, 'Ready');
  assert.ok(stdout.includes(` ${snapshotId} `));
  const names = images.flatMap((image) => image.names);
  const byDigest = [`${sample('shop/web')}@${web.digest}`, `${sample('mirror/prices')}@${prices.digest}`];
  assert.deepEqual(
    [...IN_USE, ...byDigest].filter((name) => !names.includes(name)),
    [],
  );

  await becomes(['ConfigMap preloaded-demo', 'VolumeSnapshot demo', 'VolumeSnapshotContent'], () =>
    objectsOf('preloads'),
  );
  await becomes([`volume ${snapshotId}.img`, `volume ${snapshotId}.json`], async () =>
    [...(await machineState()).difference(before)].sort(),
  );
  assert.deepEqual(await imageNames('worker'), imagesOnNode);
});

describe('new nodes without a registry', () => {
  before(async () => {
    await cluster('registry', 'stop');
  });

  for (const [containerd, node] of Object.entries(NODES)) {
    test(`containerd ${containerd} runs every image by all of its names`, async (t) => {
      const { snapshotId = '' } = await status('preloads', 'demo');
      t.after(() => removeNode(node));
      const { stderr } = await addNode(node, containerd, snapshotId);
      assert.match(stderr, /: 14 of 14 images present for the kubelet/);
      await becomes(['Running'], () => podPhases('data', `spec.nodeName=${node}`));
      await Promise.all([
        runWithoutPulling('arrivals', node, BY_EVERY_NAME, 'Never'),
        runWithoutPulling('arrivals', node, BY_EVERY_NAME, 'IfNotPresent'),
        failToPull('arrivals', node, sample('debian:12')),
      ]);
    });
  }
});

const initially = (image: string) => ({ initContainers: [{ name: 'init', image: sample(image), command: ['true'] }] });

const rollout = (namespace: string, set: string): Promise<string> =>
  kubectl(['rollout', 'status', '--timeout=120s', '-n', namespace, set]);

const imageNames = async (node: string): Promise<string[]> =>
  (await onNode(node, ['ctr', '--namespace', 'k8s.io', 'images', 'ls', '--quiet'])).split('\n').sort();

const reportedImages = async (node: string): Promise<string> =>
  kubectl(['get', 'node', node, '-o', 'jsonpath={.status.images[*].names}']);

const podPhases = async (namespace: string, selector: string): Promise<string[]> =>
  (
    await kubectl([
      'get',
      'pods',
      '-n',
      namespace,
      '--field-selector',
      selector,
      '-o',
      'jsonpath={.items[*].status.phase}',
    ])
  ).split(' ');
