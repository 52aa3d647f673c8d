import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { CapturedImage } from '../../src/model/image.ts';
import { digestOf } from '../../src/model/oci.ts';
import { run } from '../cluster/machine/run.ts';
import { discardLayers } from '../harness/discard-layers.ts';
import { sample } from '../harness/sample.ts';
import {
  addNode,
  cluster,
  createNamespace,
  createPreload,
  deleteNamespaces,
  onNode,
  preload,
  removeNode,
  status,
} from './support/commands.ts';
import { mountSnapshot } from './support/mounted-snapshot.ts';
import { runWithoutPulling } from './support/present-images.ts';

const NAMESPACE = 'layouts';
const IMAGES = ['shop/web:1.4', 'whiteouts:1', 'zstd:1', 'empty-layer:1', 'index:1'].map(sample);
const CTR = ['ctr', '--namespace', 'k8s.io'];
const PULL = ['images', 'pull', '--platform', 'linux/amd64'];

const scratch = await mkdtemp(join(tmpdir(), 'preload-layouts-'));

before(async () => {
  await createNamespace(NAMESPACE);
  await createPreload(NAMESPACE, 'both', ['--layout', 'layers,blobs', '--one-tar-per-image', ...IMAGES]);
  await createPreload(NAMESPACE, 'blobs', ['--layout', 'blobs', ...IMAGES]);
});

after(async () => {
  await rm(scratch, { recursive: true });
  await deleteNamespaces(NAMESPACE);
});

const mounted = async <T>(name: string, body: (folder: string) => Promise<T>): Promise<T> => {
  const { folder, unmount } = await mountSnapshot(NAMESPACE, name);
  try {
    return await body(folder);
  } finally {
    await unmount();
  }
};

const imagesOf = async (folder: string): Promise<CapturedImage[]> =>
  JSON.parse(await readFile(join(folder, 'preload.json'), 'utf8')).images;

const verifyPreload = (name: string) => preload(['verify', name, '-n', NAMESPACE]);

const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort();

describe('blobs are kept with the layers, or without them', () => {
  for (const [name, hasLayers] of Object.entries({ both: true, blobs: false })) {
    test(`${name}: has every blob once, and each matches its digest`, () =>
      mounted(name, async (folder) => {
        const images = await imagesOf(folder);
        const wanted = images.flatMap(({ digest, manifest, config, layers }) => [
          ...[digest, manifest, config],
          ...layers.map((layer) => layer.digest),
        ]);
        const there = await readdir(join(folder, 'blobs/sha256'));
        assert.deepEqual(there.map((hex) => `sha256:${hex}`).sort(), distinct(wanted));
        for (const hex of there) {
          assert.equal(digestOf(await readFile(join(folder, 'blobs/sha256', hex))), `sha256:${hex}`);
        }
        assert.ok(images.every(({ blobs }) => blobs));
        assert.equal((await readdir(folder)).includes('layers'), hasLayers);
      }));

    test(`${name}: verify finds no problems`, async () => {
      const { code, stderr } = await verifyPreload(name);
      assert.equal(code, 0, stderr);
    });

    test(`${name}: skopeo copies images with their layers`, () =>
      mounted(name, async (folder) => {
        for (const image of IMAGES) {
          const target = join(scratch, `${name}-${IMAGES.indexOf(image)}`);
          await run(['skopeo', 'copy', '--quiet', `oci:${folder}:${image}`, `dir:${target}`]);
        }
      }));
  }
});

test('ctr can import the archive of each image by itself', async (t) => {
  const node = 'archives';
  t.after(() => removeNode(node));
  const { snapshotId } = await status(NAMESPACE, 'both');
  const before = await cluster(
    'node',
    'add',
    node,
    '--containerd',
    '1.6',
    '--snapshot',
    snapshotId ?? '',
    '--restore',
    '--check',
  );
  assert.match(before.stderr, /^preload: error: 0 of 6 images present/m);
  const archives = (await onNode(node, ['sh', '-c', 'ls /preload/*.tar'])).trim().split('\n');
  assert.equal(archives.length, IMAGES.length + 1, 'those and pause');
  for (const archive of archives) {
    await onNode(node, [...CTR, 'images', 'import', '--platform', 'linux/amd64', archive]);
  }
  const names = (await onNode(node, [...CTR, 'images', 'ls', '--quiet'])).split('\n');
  for (const image of IMAGES) assert.ok(names.includes(image), image);
});

describe('nodes import images from blobs, without a registry', () => {
  const NODES: [node: string, containerd: string, name: string, restore: string][] = [
    ['imports', '1.7', 'both', '--mode import'],
    ['falls-back', '2', 'blobs', ''],
  ];
  for (const [node, containerd, name, restore] of NODES) {
    test(`${name} on containerd ${containerd}`, async (t) => {
      t.after(() => cluster('registry', 'start'));
      t.after(() => removeNode(node));
      const { snapshotId } = await status(NAMESPACE, name);
      await cluster('registry', 'stop');
      const { stderr } = await addNode(node, containerd, snapshotId, restore);
      assert.match(stderr, /^preload: mode import: /m);
      assert.match(stderr, /^preload: 6 of 6 images present for the kubelet/m);
      await runWithoutPulling(NAMESPACE, node, IMAGES, 'Never');
    });
  }
});

test('if blobs are unavailable, the layers are kept, and the volume lists which images have no blobs', async (t) => {
  const node = 'discarded';
  t.after(() => removeNode(node));
  await addNode(node, '1.6');
  for (const image of [...IMAGES, sample('node:26'), sample('pause:3.10')])
    await onNode(node, [...CTR, ...PULL, image]);
  await discardLayers((...args) => onNode(node, [...CTR, ...args]));
  t.after(() => cluster('registry', 'start'));
  await cluster('registry', 'stop');
  const args = ['--layout', 'layers,blobs', '--node', node, ...IMAGES];
  const { stderr } = await createPreload(NAMESPACE, 'no-blobs', args);
  assert.match(stderr, /^ ! captured .*shop\/web:1\.4 without its blobs, so nodes cannot import it: /m);
  await mounted('no-blobs', async (folder) => {
    const images = await imagesOf(folder);
    assert.deepEqual(
      images.filter(({ blobs, layers }) => blobs && layers.length > 0),
      [],
    );
    const blobs = await readdir(join(folder, 'blobs/sha256'));
    const documents = images.flatMap(({ digest, manifest, config }) => [digest, manifest, config]);
    assert.deepEqual(blobs.map((hex) => `sha256:${hex}`).sort(), distinct(documents));
  });
  const restored = 'no-import';
  t.after(() => removeNode(restored));
  const { snapshotId } = await status(NAMESPACE, 'no-blobs');
  const refused = await cluster('node', 'add', restored, '--snapshot', snapshotId ?? '', '--restore', '--mode import');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^preload: error: cannot import: the volume has no layer blobs for /m);
  await onNode(restored, ['/preload/restore.sh']);
});
