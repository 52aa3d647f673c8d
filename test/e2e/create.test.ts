import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { PreloadRecord } from '../../src/model/record.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';
import {
  addNode,
  becomes,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  onNode,
  preload,
  removeNode,
  startPreload,
  status,
} from './support/commands.ts';
import { objectsOf } from './support/leftovers.ts';
import { list, pod, podSpec, workload } from './support/workloads.ts';

const NAMESPACE = 'creating';
const PHASES = ['Starting', 'Capturing', 'Snapshotting', 'Ready'];

before(() => createNamespace(NAMESPACE));

after(() => deleteNamespaces(NAMESPACE));

test('--from cluster,cache captures the images in use and those on the node, except what --exclude matches', async () => {
  const unused = (name: string, image: string) =>
    workload('Deployment', NAMESPACE, name, podSpec([sample(image)]), { replicas: 0 });
  await kubectl(['apply', '-f', '-'], list([unused('queue', 'cache/queue:3'), unused('report', 'data/report:7')]));
  const once = pod(NAMESPACE, 'once', podSpec(['ops/backup:1.0', 'shop/mail:0.9'].map(sample), { nodeName: 'worker' }));
  await kubectl(['apply', '-f', '-'], once);
  await kubectl(['wait', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=60s', 'pod/once']);
  await kubectl(['delete', '-f', '-'], once);
  // before the cache is read, as this may be the first loader to run, which adds its own image to the cache
  await createPreload(NAMESPACE, 'cluster', ['--exclude', sample('data/')]);
  assert.deepEqual(await tagsOf('cluster'), [sample('cache/queue:3'), sample('pause:3.10')]);

  const namesOnNode = await onNode('worker', ['ctr', '--namespace', 'k8s.io', 'images', 'ls', '--quiet']);
  const cached = namesOnNode
    .trim()
    .split('\n')
    .filter((name) => !/sha256:|sample\/shop\//.test(name));
  assert.ok(cached.includes(sample('ops/backup:1.0')) && namesOnNode.includes(sample('shop/mail:0.9')), namesOnNode);

  await createPreload(NAMESPACE, 'cache', ['--from', 'cache', '--node', 'worker', '--exclude', sample('shop/')]);
  assert.deepEqual(await tagsOf('cache'), cached.sort());

  const excluded = `${sample('shop/')},${sample('data/report')}`;
  await createPreload(NAMESPACE, 'both', ['--from', 'cluster,cache', '--node', 'worker', '--exclude', excluded]);
  const both = new Set([...cached, sample('cache/queue:3')].filter((name) => !name.includes('data/report')));
  assert.deepEqual(await tagsOf('both'), [...both].sort());
});

test('--node chooses the node, and every containerd version captures the same', async (t) => {
  t.after(() => removeNode('other'));
  await addNode('other', '1.6');
  const images = ['whiteouts:1', 'index:1', 'docker:1', 'zstd:1'].map(sample);
  await createPreload(NAMESPACE, 'here', [...images, '--node', 'worker']);
  await createPreload(NAMESPACE, 'there', [...images, '--node', 'other']);
  assert.equal((await status(NAMESPACE, 'here')).node, 'worker');
  assert.equal((await status(NAMESPACE, 'there')).node, 'other');
  const [here, there] = [await recordOf('here'), await recordOf('there')];
  assert.equal(there.set, here.set);
  assert.deepEqual(there.images.map(({ digest }) => digest).sort(), here.images.map(({ digest }) => digest).sort());
});

test('captures onto volumes that must be attached to a node', async () => {
  const image = sample('ops/probe:1.0');
  const { stderr } = await createPreload(NAMESPACE, 'attached', [image, '--storage-class', 'attached-disk']);
  assert.match(stderr, /✓ Volume \d+Gi \(attached-disk\)/);
  assert.equal((await status(NAMESPACE, 'attached')).driver, 'attached-disk.preload.test');
  await becomes('', () => kubectl(['get', 'volumeattachments', '-o', 'name']));
  const volumes = async () => (await objectsOf(NAMESPACE)).filter((object) => /^Persistent|^Pod/.test(object));
  await becomes([], volumes);
});

test('status shows the phase while create runs', async () => {
  const images = ['shop/web:1.4', 'data/report:7', 'site/home:2026', 'build/runner:12'].map(sample);
  const child = startPreload(['create', 'watched', '-n', NAMESPACE, ...images]);
  let ended = false;
  const outcomeOfCreate = outcome(child).finally(() => {
    ended = true;
  });
  const seen: string[] = [];
  while (!ended) {
    const { code, stdout } = await preload(['status', 'watched', '-n', NAMESPACE, '-o', 'json']);
    if (code === 0) seen.push(JSON.parse(stdout).phase);
  }
  assert.equal((await outcomeOfCreate).code, 0);
  seen.push((await status(NAMESPACE, 'watched')).phase);
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => PHASES.indexOf(a) - PHASES.indexOf(b)),
  );
  assert.ok(seen.includes('Capturing') && seen.at(-1) === 'Ready', seen.join());
});

/** Names of a preload that have a tag, sorted. */
const tagsOf = async (name: string): Promise<string[]> =>
  ((await status(NAMESPACE, name)).images ?? [])
    .flatMap(({ names }) => names)
    .filter((image) => !image.includes('@'))
    .sort();

const recordOf = async (name: string): Promise<PreloadRecord> => {
  const data = await kubectl([
    'get',
    'configmap',
    '-n',
    NAMESPACE,
    `preloaded-${name}`,
    '-o',
    'jsonpath={.binaryData.*}',
  ]);
  return JSON.parse(gunzipSync(Buffer.from(data, 'base64')).toString());
};
