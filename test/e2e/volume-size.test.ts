import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pushImages } from '../cluster/images/push.ts';
import {
  becomes,
  cluster,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  onNode,
} from './support/commands.ts';

const NAMESPACE = 'sizes';
const folder = await mkdtemp(join(tmpdir(), 'preload-sizes-'));

/** Images that make a volume of some 480 MiB. */
let images: string[];

before(async () => {
  await createNamespace(NAMESPACE);
  const { stdout } = await cluster('images');
  images = stdout
    .trim()
    .split('\n')
    .filter((name) => !/\/(pause|node|debian|busybox|by-digest|index)[:@]/.test(name));
  assert.equal(images.length, 26);
});

after(async () => {
  await deleteNamespaces(NAMESPACE);
  await rm(folder, { recursive: true });
});

/** GiB of each volume that a run made. */
const volumesOf = (stderr: string): number[] =>
  [...stderr.matchAll(/^ ✓ Volume (\d+)Gi$/gm)].map(([, gibibytes]) => Number(gibibytes));

test('images of unknown size get a small volume', async () => {
  // names that no node has a size for
  const unknown = images.map((name) => name.replace('127.0.0.1', 'localhost'));
  const { stderr } = await createPreload(NAMESPACE, 'unknown', unknown);
  assert.doesNotMatch(stderr, /skipped/);
  assert.deepEqual(volumesOf(stderr), [2]);
});

test('images of known size get a volume of at most 4Gi', async () => {
  const pull = 'for image; do ctr --namespace k8s.io images pull --platform linux/amd64 "$image" >/dev/null; done';
  await onNode('worker', ['sh', '-euc', pull, 'sh', ...images]);
  await becomes([], async () => {
    const known = await kubectl(['get', 'node', 'worker', '-o', 'jsonpath={.status.images[*].names[*]}']);
    return images.filter((name) => !known.split(' ').includes(name));
  });
  const { stderr } = await createPreload(NAMESPACE, 'known', images);
  const [size = 0, ...more] = volumesOf(stderr);
  assert.deepEqual(more, []);
  assert.ok(size <= 4, stderr);
});

test('a volume that turns out to be too small is recreated', async () => {
  const layer = { name: 'large', script: 'head -c 500M /dev/zero >zeros', compression: 'none' as const };
  const registry = process.env.REGISTRY ?? '';
  const options = { registry, cache: join(folder, 'images'), log: () => {} };
  const [large = ''] = await pushImages([{ names: ['large:1'], layers: [layer] }], options);
  const { stderr } = await createPreload(NAMESPACE, 'large', [large]);
  assert.match(stderr, /^ ✓ These images need a volume of 3Gi$/m);
  assert.deepEqual(volumesOf(stderr), [2, 3]);
});
