import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formOf } from '../../../src/model/layout.ts';
import { type Available, type CapturePlan, planCapture } from '../../../src/model/plan.ts';
import { digest } from '../../harness/captured-images.ts';

const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
const layer = (id: string, size: number) => ({
  chainId: digest(id),
  digest: digest(id.toUpperCase()),
  size,
  mediaType: GZIP,
});

const [kept, copied, blob, pulled] = [layer('a', 1000), layer('b', 2000), layer('c', 3000), layer('d', 4000)];
const MEBIBYTE = 1024 ** 2;
const available: Available = {
  onVolume: new Set([digest('a')]),
  unpacked: new Map([
    [digest('a'), { bytes: MEBIBYTE, inodes: 10 }],
    [digest('b'), { bytes: 5 * MEBIBYTE, inodes: 5000 }],
  ]),
  copy: true,
  blobs: new Set([copied.digest, blob.digest]),
  blobsOnVolume: new Set(),
  claims: new Map(),
};
const LAYERS = formOf({ layout: 'layers', oneTarPerImage: false });
const BLOBS = formOf({ layout: 'blobs', oneTarPerImage: false });
const BOTH = formOf({ layout: 'layers,blobs', oneTarPerImage: false });

/** Number of layers by where they come from. */
const counts = ({ layers }: CapturePlan) => {
  const found: Record<string, number> = {};
  for (const { source } of layers.values()) found[source] = (found[source] ?? 0) + 1;
  return found;
};

test('each layer comes from its best source', () => {
  const { layers } = planCapture([{ layers: [kept, copied, blob, pulled] }], available, LAYERS);
  const sources = [kept, copied, blob, pulled].map(({ chainId }) => layers.get(chainId)?.source);
  assert.deepEqual(sources, ['volume', 'node', 'blob', 'registry']);
});

describe('the plan', () => {
  const plan = planCapture([{ layers: [kept, copied, blob] }, { layers: [kept, pulled] }], available, LAYERS);

  test('counts layers that images share once', () => {
    assert.equal(plan.summary.images, 2);
    assert.deepEqual(counts(plan), { volume: 1, node: 1, blob: 1, registry: 1 });
  });

  test('counts bytes to pull, unpack and copy', () => {
    assert.deepEqual(
      [plan.summary.pullBytes, plan.summary.blobBytes, plan.summary.copyBytes],
      [4000, 3000, 5 * MEBIBYTE],
    );
  });

  test('needs space for layers and for the blobs to unpack', () => {
    const least = 5 * MEBIBYTE + 3000 + 4000;
    assert.ok(plan.summary.neededBytes > least);
    const more = planCapture([{ layers: [copied, blob, pulled, layer('e', MEBIBYTE)] }], available, LAYERS);
    assert.ok(more.summary.neededBytes > plan.summary.neededBytes + MEBIBYTE);
  });

  test('needs no more space for layers on the volume', () => {
    const nothing = planCapture([], available, LAYERS).summary.neededBytes;
    assert.equal(planCapture([{ layers: [kept] }], available, LAYERS).summary.neededBytes, nothing);
  });

  test('estimates the size of linked layers from their compressed size', () => {
    const linked = { ...available, unpacked: new Map([[digest('b'), { bytes: 4096, inodes: 1 }]]) };
    assert.equal(planCapture([{ layers: [copied] }], linked, LAYERS).summary.copyBytes, 6000);
  });

  test('estimates them better if their blob claims a size', () => {
    const claims = new Map([[copied.digest, 9000]]);
    const linked = { ...available, unpacked: new Map([[digest('b'), { bytes: 4096, inodes: 1 }]]), claims };
    assert.equal(planCapture([{ layers: [copied] }], linked, LAYERS).summary.copyBytes, 9000);
    assert.equal(planCapture([{ layers: [copied] }], { ...available, claims }, LAYERS).summary.copyBytes, 5 * MEBIBYTE);
  });

  test('knows the size of layers on the node even if it must not copy them', () => {
    const plan = planCapture([{ layers: [copied] }], { ...available, copy: false }, LAYERS);
    assert.deepEqual(counts(plan), { blob: 1 });
    assert.equal(plan.layers.get(copied.chainId)?.unpacked, 5 * MEBIBYTE);
  });

  test('counts the files of layers on the node, and guesses those of others', () => {
    const nothing = planCapture([], available, LAYERS).summary.neededInodes;
    const inodes = (...layers: ReturnType<typeof layer>[]) =>
      planCapture([{ layers }], available, LAYERS).summary.neededInodes - nothing;
    assert.equal(inodes(copied), 5000);
    assert.equal(inodes(kept), 0);
    const large = inodes(layer('e', 100 * MEBIBYTE));
    assert.ok(large > 300 * 64 && large < 300 * 128, `${large} files of 8 to 16 KiB in 300 MiB, and a blob`);
  });

  test('with layers and blobs, also fetches the blobs of copied layers', () => {
    const both = planCapture([{ layers: [kept, copied, blob] }, { layers: [kept, pulled] }], available, BOTH);
    assert.deepEqual(counts(both), counts(plan));
    assert.deepEqual(
      [both.summary.pullBytes, both.summary.blobBytes, both.summary.copyBytes],
      [1000 + 4000, 2000 + 3000, 5 * MEBIBYTE],
    );
  });

  test('with only blobs, uses those of an earlier run and copies no layers', () => {
    const left = { ...available, blobsOnVolume: new Set([pulled.digest]) };
    const blobs = planCapture([{ layers: [kept, copied, pulled] }], left, BLOBS);
    assert.deepEqual(counts(blobs), { volume: 1, blob: 1, registry: 1 });
    assert.deepEqual([blobs.summary.pullBytes, blobs.summary.blobBytes, blobs.summary.copyBytes], [1000, 2000, 0]);
  });

  test('counts a blob of several layers once', () => {
    const again = { ...pulled, chainId: digest('9') };
    assert.equal(planCapture([{ layers: [pulled, again] }], available, LAYERS).summary.pullBytes, 4000);
  });

  test('needs space for one archive per image, with shared layers in each', () => {
    const images = [{ layers: [pulled] }, { layers: [pulled] }];
    const archives = formOf({ layout: 'layers,blobs', oneTarPerImage: true });
    const more =
      planCapture(images, available, archives).summary.neededBytes -
      planCapture(images, available, BOTH).summary.neededBytes;
    assert.equal(more, Math.ceil(8000 * 1.1));
  });
});
