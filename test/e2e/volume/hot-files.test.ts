import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../../src/model/oci.ts';
import { digestLayer } from '../../../src/volume/layer-digest.ts';
import { verifyVolume } from '../../../src/volume/verify/verify-volume.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { run } from '../../cluster/machine/run.ts';
import { until } from '../../cluster/machine/until.ts';
import { requested } from '../../harness/capture-request.ts';
import { startLoader } from '../../harness/loader-process.ts';
import { type LoopVolume, mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { startCaptureNode } from '../hostile/capture-node.ts';
import { AMD64, image, indexOf } from '../hostile/image-parts.ts';
import { startTableRegistry } from '../hostile/table-registry.ts';
import { blobOf, type Layer } from '../hostile/tar-layer.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-hot-'));
const registry = await startTableRegistry();
const [pause, old, young, idle] = ['pause', 'old', 'young', 'idle'].map(
  (name) => `${registry.address}/sample/${name}:1`,
);
const LARGE = 'data/large';
const SNAPSHOTS = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots';
let node: PrivateNode;
let libraries: string[];

/** A layer with programs of this machine and other files; all have their own content, so that no two layers are the same. */
const layerWith = async (name: string, programs: string[], files: string[]): Promise<Layer> => {
  const root = join(folder, name);
  for (const path of programs) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await run(['cp', '-L', path, join(root, path)]);
  }
  for (const path of files) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), `${name} ${path}`);
    if (path === LARGE) await truncate(join(root, path), 8 << 20);
  }
  await run(['tar', '-cf', `${root}.tar`, '-C', root, '.']);
  const archive = await readFile(`${root}.tar`);
  return blobOf(gzipSync(archive), digestOf(archive));
};

before(async () => {
  await ensurePackages(['busybox-static'], console.error);
  libraries = [...(await run(['ldd', '/usr/bin/sleep'])).matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
  const base = await layerWith('base', libraries, ['data/base']);
  const tools = await layerWith(
    'tools',
    ['/usr/bin/sleep', '/usr/bin/busybox'],
    ['data/read', 'data/a b', 'data/unread', LARGE],
  );
  const app = await layerWith('app', [], ['data/app']);
  const unused = await layerWith('unused', [], ['data/unused']);
  const serve = (name: string, layers: Layer[]) =>
    registry.serve(`sample/${name}`, indexOf([[image(name, { layers }), AMD64]]));
  serve('pause', [await layerWith('pause', [], ['pause'])]);
  serve('old', [base, tools]);
  serve('young', [base, tools, app]);
  serve('idle', [unused]);
  node = await startCaptureNode(join(folder, 'root'), pause ?? '');
  for (const name of [pause, old, young, idle]) await node.ctr('images', 'pull', '--plain-http', name ?? '');
});

after(async () => {
  for (const id of ['z-old', 'a-young']) await node.ctr('tasks', 'rm', '--force', id);
  for (const { stop } of [node, registry]) await stop();
  await rm(folder, { recursive: true });
});

/** Drops from memory what a pull has written and a copy has read, as on a node that is not new. */
const forget = async (): Promise<void> => {
  const script = 'sync; find "$0" -type f -exec dd if={} iflag=nocache count=0 status=none ";"';
  await node.run(['sh', '-euc', script, SNAPSHOTS]);
};

const start = async (id: string, name: string | undefined, ...read: string[]): Promise<void> => {
  const script = `/usr/bin/busybox head -c 1 /${LARGE}; /usr/bin/busybox cat ${read.map((path) => `'${path}'`).join(' ')}; exec /usr/bin/sleep 1000`;
  await node.ctr('run', '--detach', name ?? '', id, '/usr/bin/busybox', 'sh', '-c', script);
  const command = async () => {
    const [, pid = ''] = new RegExp(`^${id} +(\\d+) `, 'm').exec(await node.ctr('tasks', 'ls')) ?? [];
    return readFile(`/proc/${pid}/cmdline`, 'utf8');
  };
  await until(`the entrypoint of ${id}`, async () => (await command()).startsWith('/usr/bin/sleep'));
};

/** Captures the images onto the volume; returns the paths on the list, which must be right. */
const hotPathsOn = async (volume: LoopVolume, ...names: (string | undefined)[]): Promise<string[]> => {
  const images = names.map((name) => requested(name ?? ''));
  const { code, stderr } = await (await startLoader(node, folder, volume.path, { images })).ended;
  assert.equal(code, 0, stderr);
  const text = await readFile(join(volume.seen, 'restore/hot'), 'utf8').catch(() => '');
  const digest = (chainId: string) => digestLayer(volume.seen, chainId);
  assert.deepEqual((await verifyVolume(volume.seen, digest, () => {})).problems, []);
  const paths: string[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const [, hex = '', bytes, path = ''] = /^(\w{64}) (\d+) (.+)$/.exec(line) ?? [];
    assert.equal((await stat(join(volume.seen, 'layers', hex, 'fs', path))).size, Number(bytes), line);
    paths.push(path);
  }
  return paths;
};

/** The same onto a new volume. */
const hotPaths = async (...names: (string | undefined)[]): Promise<string[]> => {
  const volume = await mountNewVolume(node, folder, 'volume', 256);
  const paths = await hotPathsOn(volume, ...names);
  await volume.remove();
  return paths;
};

test('without containers there is no list', async () => {
  assert.deepEqual(await hotPaths(old, young, idle), []);
});

test('the oldest container comes first, in it its program and libraries, then all else that it read, but no small parts of large files', async () => {
  await forget();
  await start('z-old', old, '/data/read');
  await start('a-young', young, '/data/app', '/data/a b');
  const paths = await hotPaths(old, young, idle);
  assert.equal(paths[0], 'usr/bin/sleep');
  const mapped = libraries.map((path) => path.slice(1)).sort();
  assert.deepEqual(paths.slice(1, 1 + mapped.length).sort(), mapped);
  assert.deepEqual(paths.slice(1 + mapped.length), ['data/a b', 'data/read', 'usr/bin/busybox', 'data/app']);
});

test('only files of captured layers are on the list', async () => {
  assert.deepEqual(await hotPaths(idle), []);
});

test('a capture over an older one leaves nothing of its list', async () => {
  const volume = await mountNewVolume(node, folder, 'renewed', 256);
  assert.ok((await hotPathsOn(volume, old, young)).length > 0);
  assert.deepEqual(await hotPathsOn(volume, idle), []);
  await assert.rejects(stat(join(volume.seen, 'restore/hot')), { code: 'ENOENT' });
  assert.equal((await hotPathsOn(volume, young, idle))[0], 'usr/bin/sleep');
  await volume.remove();
});

test('without fincore, programs and libraries are on the list', async () => {
  await node.run(['mount', '--bind', '/dev/null', '/usr/bin/fincore']);
  const paths = await hotPaths(young);
  assert.equal(paths[0], 'usr/bin/sleep');
  assert.deepEqual(paths.slice(1).sort(), libraries.map((path) => path.slice(1)).sort());
});
