import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import project from '../../package.json' with { type: 'json' };
import type { CapturedImage } from '../../src/model/image.ts';
import { digestOf } from '../../src/model/oci.ts';
import { run } from '../cluster/machine/run.ts';
import { sample, sampleManifest } from '../harness/sample.ts';
import { assertChecksums } from '../harness/sealed-volume.ts';
import { becomes, createNamespace, createPreload, deleteNamespaces, kubectl, onNode } from './support/commands.ts';
import { objectsOf } from './support/leftovers.ts';
import { type MountedSnapshot, mountSnapshot } from './support/mounted-snapshot.ts';

interface Document {
  format: number;
  version: string;
  platform: string;
  snapshotter: string;
  uuid: string;
  set: string;
  complete: boolean;
  checksums: Record<string, string>;
  images: CapturedImage[];
}

const NAMESPACE = 'volume';
const OCI_IMAGES = [
  'index:1',
  'whiteouts:1',
  'shop/web:latest',
  'shop/web:1.4',
  'mirror/prices:2.0',
  'shop/prices:2.0',
];

let volume = '';
let device = '';
let unmount: MountedSnapshot['unmount'];
let contents: Document;

before(async () => {
  await createNamespace(NAMESPACE);
  await createPreload(NAMESPACE, 'kept', ['--keep', ...OCI_IMAGES.map(sample), sample('docker:1')]);
  ({ folder: volume, device, unmount } = await mountSnapshot(NAMESPACE, 'kept'));
  contents = JSON.parse(await read('preload.json'));
});

after(async () => {
  await unmount();
  await deleteNamespaces(NAMESPACE);
});

test('the snapshot was taken while the pod ran, and its filesystem is clean', async () => {
  const pod = JSON.parse(await kubectl(['get', 'pod', '-n', NAMESPACE, 'preload-kept', '-o', 'json']));
  assert.equal(pod.status.phase, 'Running');
  assert.equal(pod.status.containerStatuses[0].restartCount, 0);
  const header = await run(['dumpe2fs', '-h', device]);
  assert.match(header, /^Filesystem features:.* has_journal /m);
  assert.doesNotMatch(header, /needs_recovery/);
  assert.match(header, /^Filesystem state: +clean$/m);
  await run(['e2fsck', '-fn', device]);
});

test('--keep leaves the pod and its volume, read-only', async () => {
  const kept = ['ConfigMap preload-kept', 'PersistentVolume', 'PersistentVolumeClaim preload-kept', 'Pod preload-kept'];
  const made = ['ConfigMap preloaded-kept', 'VolumeSnapshot kept', 'VolumeSnapshotContent'];
  await becomes([...kept, ...made].sort(), () => objectsOf(NAMESPACE));
  const mounts = await onNode('worker', [
    'findmnt',
    '--types',
    'ext4',
    '--noheadings',
    '--output',
    'TARGET,FS-OPTIONS',
  ]);
  const [mount] = mounts.split('\n').filter((line) => line.includes('/kubernetes.io~csi/'));
  assert.match(mount ?? '', / ro(,|$)/);
});

test('skopeo reads every image by tag and by digest', async () => {
  for (const image of OCI_IMAGES) {
    const { digest } = await sampleManifest(image);
    const byDigest = `${sample(image.split(':')[0] ?? '')}@${digest}`;
    for (const name of [sample(image), byDigest]) {
      const source = `oci:${volume}:${name}`;
      assert.equal(JSON.parse(await run(['skopeo', 'inspect', source])).Architecture, 'amd64', name);
      assert.equal(digestOf(await run(['skopeo', 'inspect', '--raw', source])), digest, name);
    }
  }
});

test('preload.json describes the contents', async () => {
  const { format, version, platform, snapshotter, complete, uuid, set, checksums, images } = contents;
  assert.deepEqual(
    { format, version, platform, snapshotter, complete },
    { format: 1, version: project.version, platform: 'linux/amd64', snapshotter: 'overlayfs', complete: true },
  );
  assert.match(set, /^[0-9a-f]{12}$/);
  assert.equal(uuid, (await run(['blkid', '-s', 'UUID', '-o', 'value', device])).trim());
  assert.deepEqual(Object.keys(checksums).sort(), [
    'restore.sh',
    'restore/hot',
    'restore/images.tar',
    'restore/layers',
    'restore/names',
    'restore/seed.tar',
  ]);
  await assertChecksums(volume, checksums);
  assert.equal(images.length, 6, 'seven tags of five digests, and pause');
});

test('the volume has only the files of format 1', async () => {
  const entries = [
    'blobs',
    'index.json',
    'layers',
    'lost+found',
    'oci-layout',
    'preload.json',
    'restore',
    'restore.sh',
    'verify',
  ];
  assert.deepEqual((await readdir(volume)).sort(), entries);
  assert.deepEqual((await readdir(join(volume, 'restore'))).sort(), [
    'hot',
    'images.tar',
    'layers',
    'names',
    'seed.tar',
  ]);
  assert.deepEqual((await readdir(join(volume, 'verify'))).sort(), ['files', 'layers']);
  assert.deepEqual(await readdir(join(volume, 'lost+found')), []);
});

test('restore/names and index.json have every name of preload.json', async () => {
  const expected = contents.images.flatMap(({ names, digest, layers }) =>
    names.map((name) => `${name} ${digest} ${layers.at(-1)?.chainId}`),
  );
  assert.deepEqual(linesOf(await read('restore/names')).sort(), expected.sort());
  const { manifests } = JSON.parse(await read('index.json'));
  const indexed = manifests.map(
    ({ digest, annotations }: { digest: string; annotations: Record<string, string> }) =>
      `${annotations['io.containerd.image.name']} ${annotations['org.opencontainers.image.ref.name']} ${digest}`,
  );
  const twice = contents.images.flatMap(({ names, digest }) => names.map((name) => `${name} ${name} ${digest}`));
  assert.deepEqual(indexed.sort(), twice.sort());
});

test('blobs contains the documents of the images, but no layers', async () => {
  const expected = new Set(contents.images.flatMap(({ digest, manifest, config }) => [digest, manifest, config]));
  const found = (await readdir(join(volume, 'blobs/sha256'))).map((hex) => `sha256:${hex}`);
  assert.deepEqual(found.sort(), [...expected].sort());
  for (const digest of found) assert.equal(digestOf(await readFile(blob(digest))), digest);
  const archived = linesOf(await run(['tar', '-tf', join(volume, 'restore/images.tar')]));
  const blobs = found.map((digest) => `blobs/${digest.replace(':', '/')}`);
  assert.deepEqual(archived.sort(), [...blobs, 'index.json', 'oci-layout'].sort());
});

test('layers/ has the layers of restore/layers, parents first', async () => {
  const lines = linesOf(await read('restore/layers')).map((line) => line.split(' '));
  const chains = lines.map(([chain = '']) => chain);
  assert.deepEqual(
    chains.map((chain) => chain.replace('sha256:', '')).sort(),
    (await readdir(join(volume, 'layers'))).sort(),
  );
  assert.deepEqual(
    new Set(chains),
    new Set(contents.images.flatMap(({ layers }) => layers.map(({ chainId }) => chainId))),
  );
  for (const [position, [chain, parent = '']] of lines.entries()) {
    assert.ok(parent === '-' || chains.slice(0, position).includes(parent), `${parent} comes before ${chain}`);
  }
  for (const hex of await readdir(join(volume, 'layers'))) {
    assert.deepEqual(await readdir(join(volume, 'layers', hex)), ['fs'], hex);
  }
});

const read = (path: string): Promise<string> => readFile(join(volume, path), 'utf8');

const blob = (digest: string): string => join(volume, 'blobs', digest.replace(':', '/'));

const linesOf = (text: string): string[] => text.split('\n').filter(Boolean);
