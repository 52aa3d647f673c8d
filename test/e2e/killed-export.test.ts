import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NumberedEvent } from '../../src/model/events.ts';
import type { LayerSource } from '../../src/model/image.ts';
import type { Layout } from '../../src/model/layout.ts';
import { until } from '../cluster/machine/until.ts';
import { requested } from '../harness/capture-request.ts';
import { differences } from '../harness/differences.ts';
import { startByHand, startExportNode, startLoader } from '../harness/loader-process.ts';
import { mountNewVolume } from '../harness/loop-volume.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { repetitions } from '../harness/repetitions.ts';
import { sample } from '../harness/sample.ts';
import { describeVolume, layersOn } from '../harness/sealed-volume.ts';
import { seed, seededRandom } from '../harness/seeded-random.ts';
import { type ProxyServer, slowly, startProxy } from './registry/proxy-server.ts';
import { storeOf } from './support/node-store.ts';

const ROUNDS = repetitions(4, 2);
const KILLS = 3; // in a row, on each volume
const UNPACKED = ['whiteouts:1', 'empty-layer:1'].map(sample);
const BLOBS = ['zstd:1', 'twice:1'].map(sample);
const IN_REGISTRY = ['docker:1', 'index:1', 'uncompressed:1', 'ops/backup:1.0'];

const random = seededRandom(seed);
const folder = await mkdtemp(join(tmpdir(), 'preload-killed-'));
// the mount that a containerd leaves if it is killed while it unpacks
const UNPACKING = `cd "$0/.work"; mkdir -p l u w root/tmpmounts/killed
  mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w root/tmpmounts/killed`;
let proxy: ProxyServer;

before(async () => {
  proxy = await startProxy(process.env.REGISTRY ?? '');
  proxy.behave(slowly(64 * 1024, 5));
});

after(async () => {
  await proxy.stop();
  await rm(folder, { recursive: true });
});

const request = (layout: Layout = 'layers') => ({
  layout,
  images: [...UNPACKED, ...BLOBS, ...IN_REGISTRY.map((name) => `${proxy.address}/sample/${name}`)].map((name) =>
    requested(name),
  ),
});

for (const [version, layout] of [
  ['1.6', 'layers'],
  ['2', 'layers,blobs'],
] as const) {
  test(`containerd ${version}, ${layout}: after kills at ${ROUNDS * KILLS} random moments (SEED=${seed}), a rerun seals the same volume`, async (t) => {
    const files = await mkdtemp(join(folder, 'node-'));
    const node = await startExportNode(join(files, 'root'), version);
    t.after(node.stop);
    await bring(node);
    const asFound = await storeOf(node.ctr);
    const { expected, duration, blobs } = await undisturbed(node, files, layout);
    const moments: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const volume = await mountNewVolume(node, files, `round-${round}`, 512);
      for (let kill = 0; kill < KILLS; kill += 1) {
        const loader = await startLoader(node, files, volume.path, request(layout), '--hold', '10m');
        // most of the time it is still looking at what there is
        if (random() < 0.8) await until('its plan', () => loader.events.length > 0);
        // the first kills of all rounds are spread over the run; then, the more is there, the sooner it ends
        await sleep(duration * (kill === 0 ? (round + random()) / ROUNDS : random() / (kill + 1)));
        await loader.kill();
        moments.push(await stepOn(volume.seen));
      }
      const layers = await layersOn(volume.seen);
      const left = await readdir(join(volume.seen, 'blobs/sha256')).catch((): string[] => []);
      proxy.behave(slowly(64 * 1024, 5));
      const rerun = await startLoader(node, files, volume.path, request(layout));
      const { code, stderr, events } = await rerun.ended;
      assert.equal(code, 0, `${stderr} after ${moments.slice(-KILLS)}`);
      assert.equal(sourcesOf(events).volume, layers.length, 'what is whole is kept');
      const asked = proxy.requests.map(({ url }) => url.split('/').at(-1)?.replace('sha256:', '') ?? '');
      assert.deepEqual(
        left.filter((hex) => blobs.has(hex) && asked.includes(hex)),
        [],
        'what was fetched is kept',
      );
      assert.deepEqual(differences(await describeVolume(volume.seen), expected), [], `after ${moments.slice(-KILLS)}`);
      await volume.check();
      await volume.remove();
    }
    t.diagnostic(`killed: ${moments.join(', ')}`);
    assert.deepEqual(await storeOf(node.ctr), asFound);
  });
}

test('if killed on a node, it kills what it started, and a rerun cleans up the rest', async (t) => {
  const files = await mkdtemp(join(folder, 'node-'));
  const node = await startExportNode(join(files, 'root'), '2');
  t.after(node.stop);
  await bring(node);
  const asFound = await storeOf(node.ctr);
  const volume = await mountNewVolume(node, files, 'volume', 512);
  const loader = await startByHand(node, files, volume.path, request());
  await until('the private containerd', () => existsSync(join(volume.seen, '.work/containerd.sock')));
  assert.equal((await node.run(['sh', '-euc', UNPACKING, volume.path])).code, 0);
  await loader.kill();
  await until('the end of all on the volume', async () => (await commandsOn(volume.path)).length === 0, 10);
  const { code, stderr } = await (await startByHand(node, files, volume.path, request())).ended;
  assert.equal(code, 0, stderr);
  const { expected } = await undisturbed(node, files);
  assert.deepEqual(differences(await describeVolume(volume.seen), expected), []);
  await volume.check();
  await volume.remove();
  assert.deepEqual(await storeOf(node.ctr), asFound);
});

const bring = async (node: PrivateNode): Promise<void> => {
  const platform = ['--platform', 'linux/amd64'];
  for (const image of [...UNPACKED, sample('pause:3.10')]) await node.ctr('images', 'pull', ...platform, image);
  for (const image of BLOBS) await node.ctr('content', 'fetch', ...platform, image);
};

/** What an undisturbed run seals, its milliseconds from the plan to the last steps, and the blobs of its layers. */
const undisturbed = async (node: PrivateNode, files: string, layout?: Layout) => {
  const volume = await mountNewVolume(node, files, 'undisturbed', 512);
  const loader = await startLoader(node, files, volume.path, request(layout));
  await until('its plan', () => loader.events.length > 0);
  const started = performance.now();
  await until('its last steps', () => loader.events.some(({ type }) => type === 'image'));
  const duration = performance.now() - started;
  const { code, stderr, events } = await loader.ended;
  assert.equal(code, 0, stderr);
  const sources = sourcesOf(events);
  for (const source of ['node', 'blob', 'registry'] as const) assert.ok(sources[source] > 1, JSON.stringify(sources));
  const expected = await describeVolume(volume.seen);
  await volume.check();
  await volume.remove();
  const blobs = events.flatMap((event) => (event.type === 'image' ? event.image.layers : []));
  return { expected, duration, blobs: new Set(blobs.map(({ digest }) => digest.replace('sha256:', ''))) };
};

/** Number of distinct layers by where they came from. */
const sourcesOf = (events: readonly NumberedEvent[]): Record<LayerSource, number> => {
  const layers = events.flatMap((event) => (event.type === 'image' ? event.image.layers : []));
  const counts = { volume: 0, node: 0, blob: 0, registry: 0 };
  for (const { source } of new Map(layers.map((layer) => [layer.chainId, layer])).values()) counts[source] += 1;
  return counts;
};

/** The step at which the run was killed, judged by what is on the volume. */
const stepOn = async (volume: string): Promise<string> => {
  const left = await readdir(volume, { recursive: true });
  if (left.includes('preload.json')) return 'sealed';
  if (left.some((path) => path.endsWith('.partial'))) return 'fetching';
  if (left.includes('.work')) return 'unpacking';
  if (left.includes('.unfinished')) return 'copying';
  return left.includes('layers') ? 'sealing' : 'starting';
};

/** Command lines, of all processes, that name the folder. */
const commandsOn = async (path: string): Promise<string[]> => {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(processes.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(path));
};
