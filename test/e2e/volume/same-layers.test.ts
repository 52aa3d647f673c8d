import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import { captureAll, startCaptureNode } from '../hostile/capture-node.ts';
import { AMD64, image, indexOf, ownLayer } from '../hostile/image-parts.ts';
import { startTableRegistry } from '../hostile/table-registry.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-same-'));
const registry = await startTableRegistry();
const [pause = '', ...names] = Array.from({ length: 9 }, (_, number) => `${registry.address}/sample/${number}:1`);

after(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

test('images with the same layers can be unpacked at the same time', async () => {
  const layers = [ownLayer(), ownLayer()];
  for (const name of names)
    registry.serve(name.slice(registry.address.length + 1, -2), indexOf([[image(name, { layers }), AMD64]]));
  registry.serve('sample/0', indexOf([[image('pause'), AMD64]]));
  const node = await startCaptureNode(join(folder, 'root'), pause);
  try {
    const volume = await mountNewVolume(node, folder, 'volume', 128);
    const { code, stderr, skipped, images } = await captureAll(node, folder, volume, [pause], names);
    assert.equal(code, 0, stderr);
    assert.deepEqual([...skipped], []);
    assert.deepEqual([...images.keys()].sort(), [pause, ...names].sort());
    await volume.remove();
  } finally {
    await node.stop();
  }
});
