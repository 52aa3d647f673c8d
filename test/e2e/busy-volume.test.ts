import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { poolFolder } from '../cluster/machine/disk.ts';
import { run } from '../cluster/machine/run.ts';
import { type Cluster, readCluster, STATE } from '../cluster/state.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';
import {
  becomes,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  onNode,
  said,
  startOnNode,
  startPreload,
  status,
} from './support/commands.ts';
import { objectsOf } from './support/leftovers.ts';

const NAMESPACE = 'busy';
const IMAGES = ['shop/web:1.4', 'data/report:7', 'site/home:2026'].map(sample);

before(() => createNamespace(NAMESPACE));

after(() => deleteNamespaces(NAMESPACE));

test('a volume that cannot be made read-only is snapshotted once no node has it attached', async () => {
  const child = startPreload(['create', 'held', '-n', NAMESPACE, '--storage-class', 'attached-disk', ...IMAGES]);
  const ended = outcome(child);
  await said(child.stderr, 'Capturing ');
  const holder = await holdOpen(await volumeOnNode());
  await said(child.stderr, 'Releasing the volume');
  assert.deepEqual(
    (await objectsOf(NAMESPACE)).filter((object) => object.startsWith('VolumeSnapshot')),
    [],
  );
  holder.stdin?.end();
  const { code, stderr } = await ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, / ✓ Volume released\n/);
  const { folder } = (await readCluster(STATE)) as Cluster;
  const { snapshotId } = await status(NAMESPACE, 'held');
  const header = await run(['dumpe2fs', '-h', join(poolFolder(folder), `${snapshotId}.img`)]);
  assert.doesNotMatch(header, /needs_recovery/);
  assert.match(header, /^Filesystem state: +clean$/m);
  await becomes(['ConfigMap preloaded-held', 'VolumeSnapshot held', 'VolumeSnapshotContent'], () =>
    objectsOf(NAMESPACE),
  );
});

test('a warning appears if storage does not report that a node has released a volume', async () => {
  const child = startPreload(['create', 'unsure', '-n', NAMESPACE, ...IMAGES]);
  const ended = outcome(child);
  await said(child.stderr, 'Capturing ');
  const holder = await holdOpen(await volumeOnNode());
  await said(child.stderr, 'Releasing the volume');
  holder.stdin?.end();
  const { code, stderr } = await ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, / ✓ Volume released\n ! this storage does not report when all data has been flushed; /);
});

test('another export cannot use a sealed volume while its snapshot may still be taken', async () => {
  await createPreload(NAMESPACE, 'sealed', ['--keep', ...IMAGES.slice(0, 1)]);
  const inLoader = (...argv: string[]) => kubectl(['exec', '-n', NAMESPACE, 'preload-sealed', '--', ...argv]);
  await assert.rejects(
    inLoader('node', '/tmp/preload.cjs', 'export', '--root', '/host', '--cache-only'),
    /\nerror: another export is using this volume\nhint: wait until it has finished, or delete its pod\n/,
  );
  assert.match(await inLoader('grep', ' /snapshot ', '/proc/mounts'), / ext4 ro,/);
});

const volumeOnNode = async (): Promise<string> => {
  const mounts = (await onNode('worker', ['findmnt', '--list', '--noheadings', '--output', 'TARGET'])).split('\n');
  return mounts.find((path) => /\/pods\/.*\/kubernetes\.io~csi\/.*\/mount$/.test(path)) ?? '';
};

/** Keeps a deleted file of the volume open until its standard input ends. */
const holdOpen = async (volume: string) => {
  const script = 'exec 3>"$0/lost+found/held"; rm "$0/lost+found/held"; echo held; read -r _ || true';
  const holder = await startOnNode('worker', ['sh', '-euc', script, volume]);
  await said(holder.stdout, 'held');
  return holder;
};
