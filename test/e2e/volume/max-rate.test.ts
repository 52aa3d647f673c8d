import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { CaptureRequest } from '../../../src/model/request.ts';
import { until } from '../../cluster/machine/until.ts';
import { requested } from '../../harness/capture-request.ts';
import { differences } from '../../harness/differences.ts';
import { discardLayers } from '../../harness/discard-layers.ts';
import { startLoader } from '../../harness/loader-process.ts';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { describeVolume } from '../../harness/sealed-volume.ts';
import { startCaptureNode } from '../hostile/capture-node.ts';
import { AMD64, image, indexOf } from '../hostile/image-parts.ts';
import { startTableRegistry } from '../hostile/table-registry.ts';
import { layerOf } from '../hostile/tar-layer.ts';

const MEBIBYTE = 1024 ** 2;
const RATE = 4 * MEBIBYTE;
const LAYERS = 4; // copied at the same time
const BYTES = LAYERS * 6 * MEBIBYTE;

const folder = await mkdtemp(join(tmpdir(), 'preload-max-rate-'));
const registry = await startTableRegistry();
const pause = `${registry.address}/sample/pause:1`;
const large = `${registry.address}/sample/large:1`;
const text = (bytes: number) => randomBytes(bytes / 2).toString('hex');
/** What overlayfs marks: a file that is gone, and a folder that hides what is below it. */
const marked = [
  layerOf([
    ...[
      { name: 'etc', type: 'folder' as const },
      { name: 'etc/removed', content: 'to be removed' },
    ],
    ...[
      { name: 'opt', type: 'folder' as const },
      { name: 'opt/hidden', content: 'to be hidden' },
    ],
  ]),
  layerOf([
    ...[{ name: 'etc', type: 'folder' as const }, { name: 'etc/.wh.removed' }],
    ...[{ name: 'opt', type: 'folder' as const }, { name: 'opt/.wh..wh..opq' }],
    ...[{ name: 'etc/link', type: 'link' as const, to: 'config' }],
  ]),
];
const layers = Array.from({ length: LAYERS }, (_, index) =>
  layerOf([{ name: `large-${index}`, content: text(BYTES / LAYERS) }], 'none'),
);
registry.serve('sample/pause', indexOf([[image('pause'), AMD64]]));
registry.serve('sample/large', indexOf([[image('large', { layers: [...marked, ...layers] }), AMD64]]));
let node: PrivateNode;

before(async () => {
  node = await startCaptureNode(join(folder, 'root'), pause);
  for (const name of [pause, large]) await node.ctr('images', 'pull', '--plain-http', name);
});

after(async () => {
  for (const { stop } of [node, registry]) await stop();
  await rm(folder, { recursive: true });
});

/** Captures the large image; returns what is sealed, and the seconds from the plan on. */
const capture = async (request: Partial<CaptureRequest>) => {
  const volume = await mountNewVolume(node, folder, 'volume', 256);
  const loader = await startLoader(node, folder, volume.path, { images: [requested(large)], ...request });
  await until('its plan', () => loader.events.some(({ type }) => type === 'plan'));
  const started = performance.now();
  const { code, stderr } = await loader.ended;
  const seconds = (performance.now() - started) / 1000;
  assert.equal(code, 0, stderr);
  const sealed = await describeVolume(volume.seen);
  await volume.check();
  await volume.remove();
  return { sealed, seconds };
};

/** Captures without and with the limit; `bytes` are read from the node. */
const compare = async (t: TestContext, request: Partial<CaptureRequest>, bytes = BYTES) => {
  const { sealed, seconds } = await capture(request);
  const limited = await capture({ ...request, maxRate: RATE });
  assert.deepEqual(differences(limited.sealed, sealed), []);
  t.diagnostic(`${seconds.toFixed(1)} s without a limit, ${limited.seconds.toFixed(1)} s with it`);
  // others may slow it down, but nothing makes it faster
  assert.ok(limited.seconds >= bytes / RATE - 0.5, `${bytes / MEBIBYTE} MiB in ${limited.seconds} s`);
};

describe('--max-rate limits all that is read from the node at the same time, and changes nothing else', () => {
  test('layers that the node has unpacked', (t) => compare(t, {}));
  test('and their blobs', (t) => compare(t, { layout: 'layers,blobs' }, 2 * BYTES));

  test('blobs that the loader unpacks', (t) => compare(t, { copy: false }));

  test('layers whose blobs the node has discarded', async (t) => {
    await discardLayers(node.ctr);
    await compare(t, {});
  });
});
