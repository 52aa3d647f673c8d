import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseManifest } from '../../src/model/oci.ts';
import { content } from '../cluster/images/odd-layers.ts';
import { pushImages } from '../cluster/images/push.ts';
import { busybox } from '../cluster/images/root-filesystems.ts';
import { logFile } from '../cluster/machine/daemons.ts';
import { attachReadOnly, poolFolder } from '../cluster/machine/disk.ts';
import { run } from '../cluster/machine/run.ts';
import { type Cluster, readCluster, STATE } from '../cluster/state.ts';
import { differences } from '../harness/differences.ts';
import { sample, sampleManifest } from '../harness/sample.ts';
import { describeVolume } from '../harness/sealed-volume.ts';
import {
  addNode,
  createNamespace,
  createPreload,
  deleteNamespaces,
  preload,
  removeNode,
  status,
} from './support/commands.ts';

const NAMESPACE = 'base';
const NODE = 'without-images';
// 21, of which 20 are captured at a time
const IMAGES = Array.from({ length: 21 }, (_, number) => `base/image-${number}:1`);
const [OLD = '', NEW = '', ...KEPT] = IMAGES;
const { folder } = (await readCluster(STATE)) as Cluster;
const registryLog = logFile({ folder }, 'registry');
const mountPoint = await mkdtemp(join(tmpdir(), 'preload-base-'));

before(async () => {
  const images = IMAGES.map((name) => ({ names: [name], layers: [busybox, content(name.replace(/\W/g, '-'))] }));
  const cache = await mkdtemp(join(tmpdir(), 'preload-images-'));
  await pushImages(images, { registry: process.env.REGISTRY ?? '', cache, log: () => {} });
  await rm(cache, { recursive: true });
  await createNamespace(NAMESPACE);
  await addNode(NODE, '2');
});

after(async () => {
  await deleteNamespaces(NAMESPACE);
  await removeNode(NODE);
  await rmdir(mountPoint);
});

const create = (name: string, changing: string, ...flags: string[]) =>
  createPreload(NAMESPACE, name, ['--node', NODE, ...flags, ...[...KEPT, changing].map(sample)]);

test('if one of 20 images has changed, only its layer is pulled', async (t) => {
  await create('old', OLD);
  assert.equal((await status(NAMESPACE, 'old')).images?.length, 21, 'with pause');
  const before = await snapshotImage('old');
  const sum = await sumOf(before);
  const logged = (await readFile(registryLog, 'utf8')).length;

  const { stderr } = await create('new', NEW, '--base', 'old');
  assert.match(stderr, /: \d+ layers kept, 1 layer pulled \(.*\)$/m);
  const own = parseManifest(await sampleManifest(NEW)).layers.at(-1);
  const sent = blobsSent((await readFile(registryLog, 'utf8')).slice(logged));
  assert.equal(sent.get(own?.digest ?? ''), own?.size);
  const bytes = [...sent.values()].reduce((sum, bytes) => sum + bytes, 0);
  const configurations = bytes - (own?.size ?? 0);
  assert.ok(configurations < 20 * 1024, `${configurations} bytes`);
  t.diagnostic(`the layer ${own?.size} bytes, configurations ${configurations} bytes`);
  assert.equal(await sumOf(before), sum, 'the older snapshot is as it was');
});

test('with a base, the contents are the same as without one', async () => {
  await create('fresh', NEW);
  const [fresh, onBase] = [await describe('fresh'), await describe('new')];
  assert.deepEqual(differences(onBase, fresh), []);
});

test('the seed of a base is renewed', async () => {
  assert.match(await seedOf('old'), /^sha256:/);
  assert.notEqual(await seedOf('new'), await seedOf('old'));
  const { code, stderr } = await preload(['verify', 'new', '-n', NAMESPACE]);
  assert.equal(code, 0, stderr);
});

test('an unknown base is refused with a hint', async () => {
  const { code, stderr } = await preload(['create', 'x', '-n', NAMESPACE, '--base', 'nothing', sample(NEW)]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: volume snapshot "nothing" not found in namespace "base"\nhint: .*status -n base/m);
});

/** Checksum of the data and modification time of a sparse file. */
const sumOf = (file: string): Promise<string> =>
  run(['sh', '-c', 'tar --create --sparse "$0" 2>/dev/null | sha256sum', file]);

const snapshotImage = async (name: string): Promise<string> =>
  join(poolFolder(folder), `${(await status(NAMESPACE, name)).snapshotId}.img`);

/** What a snapshot holds. */
const describe = (name: string): Promise<string> => withSnapshot(name, () => describeVolume(mountPoint));

/** The checksum of the seed in a snapshot. */
const seedOf = (name: string): Promise<string> =>
  withSnapshot(name, async () => {
    const { checksums } = JSON.parse(await readFile(join(mountPoint, 'preload.json'), 'utf8'));
    return checksums['restore/seed.tar'];
  });

const withSnapshot = async <T>(name: string, body: () => Promise<T>): Promise<T> => {
  const device = await attachReadOnly(await snapshotImage(name));
  await run(['mount', '-o', 'ro', device, mountPoint]);
  try {
    return await body();
  } finally {
    await run(['umount', mountPoint]);
    await run(['losetup', '--detach', device]);
  }
};

/** Bytes sent for each blob, by digest, in a part of the registry's log. */
const blobsSent = (log: string): Map<string, number> =>
  new Map(
    [...log.matchAll(/"GET \/v2\/\S+\/blobs\/(sha256:[0-9a-f]{64})\S* HTTP\/1\.1" 200 (\d+)/g)].map(
      ([, digest = '', bytes]) => [digest, Number(bytes)],
    ),
  );
