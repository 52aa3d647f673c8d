import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formOf, type Layout } from '../../../src/model/layout.ts';
import { type Available, planCapture } from '../../../src/model/plan.ts';
import { estimateVolumeSize, fitsSmallest, plannedBytes } from '../../../src/model/volume-size.ts';
import { digest } from '../../harness/captured-images.ts';
import { RUNS } from '../../harness/fuzz.ts';

const MEBIBYTE = 1024 ** 2;
const LAYERS = formOf({ layout: 'layers', oneTarPerImage: false });
const GIBIBYTE = 1024 ** 3;

describe('the first estimate is twice the compressed images of known size, and at least 2Gi', () => {
  const cases: [what: string, known: number[], size: string][] = [
    ['no size is known', [], '2Gi'],
    ['one small image', [1024], '2Gi'],
    ['two', [GIBIBYTE, GIBIBYTE], '4Gi'],
    ['just above', [GIBIBYTE, GIBIBYTE + 1], '5Gi'],
  ];
  for (const [what, known, size] of cases) {
    test(what, () => assert.equal(estimateVolumeSize(known, LAYERS), size));
  }

  test('but not smaller than the base snapshot', () => {
    assert.equal(estimateVolumeSize([], LAYERS, 5 * GIBIBYTE), '5Gi');
  });
});

describe('it depends on the layout', () => {
  const cases: [layout: Layout, oneTarPerImage: boolean, size: string][] = [
    ['blobs', false, '10Gi'],
    ['blobs', true, '20Gi'],
    ['layers', false, '20Gi'],
    ['layers,blobs', false, '30Gi'],
    ['layers', true, '40Gi'],
  ];
  for (const [layout, oneTarPerImage, size] of cases) {
    test(`${layout}${oneTarPerImage ? ' and archives' : ''}`, () => {
      assert.equal(estimateVolumeSize([10 * GIBIBYTE], formOf({ layout, oneTarPerImage })), size);
    });
  }
});

/** Layers that the node has unpacked: bytes and files of each. */
const onNode = fc.array(
  fc.record({
    bytes: fc.oneof(fc.integer({ min: 65_537, max: 2 ** 24 }), fc.integer({ min: 2 ** 24, max: 2 ** 36 })),
    perFile: fc.integer({ min: 4096, max: 2 ** 20 }),
    size: fc.integer({ min: 100, max: 2 ** 33 }),
  }),
  { maxLength: 50 },
);

interface OnNode {
  bytes: number;
  perFile: number;
  size: number;
}

/** The size of the volume for these layers, and what they take. */
const planned = (layers: readonly OnNode[]) => {
  const ids = layers.map((_, index) => digest(index.toString(16).padStart(4, '0').slice(-4)));
  const usage = layers.map(({ bytes, perFile }) => ({ bytes, inodes: Math.ceil(bytes / perFile) }));
  const none = new Set<string>();
  const available: Available = {
    ...{ onVolume: none, blobs: none, blobsOnVolume: none, claims: new Map(), copy: true },
    unpacked: new Map(ids.map((id, index) => [id, usage[index] ?? { bytes: 0, inodes: 0 }])),
  };
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  const blobs = ids.map((chainId, index) => ({ chainId, digest: chainId, size: layers[index]?.size ?? 0, mediaType }));
  const distinct = new Map(ids.map((id, index) => [id, usage[index] ?? { bytes: 0, inodes: 0 }]));
  const sum = (of: 'bytes' | 'inodes') => [...distinct.values()].reduce((total, each) => total + each[of], 0);
  const size = plannedBytes(planCapture([{ layers: blobs }], available, LAYERS).summary);
  return { size, bytes: sum('bytes'), inodes: sum('inodes') };
};

/** What mkfs.ext4 leaves for files. */
const usable = (size: number) => size * (1 - 256 / 16_384) - (size > 16 * GIBIBYTE ? size / 128 : 64 * MEBIBYTE);

describe('the planned size of a volume', () => {
  test('is enough for layers on the node, and for their files', () => {
    const check = fc.property(onNode, (layers) => {
      const { size, bytes, inodes } = planned(layers);
      assert.ok(usable(size) >= bytes * 1.05, 'room for the layers, and for folders of their own');
      assert.ok(size / 16_384 >= inodes + 100);
    });
    fc.assert(check, { numRuns: RUNS / 5 });
  });

  test('is at most 1.3 times that and 512Mi, unless there are many small files, and at least 1Gi', () => {
    const check = fc.property(onNode, (layers) => {
      const { size, bytes, inodes } = planned(layers);
      const most = Math.max(1.3 * bytes + 512 * MEBIBYTE, GIBIBYTE);
      assert.ok(size <= Math.max(most, inodes * 16_384 * 1.1 + 128 * MEBIBYTE));
      assert.ok(size >= GIBIBYTE);
    });
    fc.assert(check, { numRuns: RUNS / 5 });
  });

  test('grows with what is needed', () => {
    const need = fc.integer({ min: 0, max: 2 ** 42 });
    const check = fc.property(need, need, need, need, need, (neededBytes, neededInodes, more, used, least) => {
      const base = { size: least, used };
      const size = plannedBytes({ neededBytes, neededInodes }, base);
      assert.ok(size >= least && size > used + neededBytes);
      assert.ok(plannedBytes({ neededBytes: neededBytes + more, neededInodes }, base) >= size);
      assert.ok(plannedBytes({ neededBytes, neededInodes: neededInodes + more }, base) >= size);
    });
    fc.assert(check, { numRuns: RUNS });
  });
});

describe('whether the smallest volume is enough is known without a plan', () => {
  const cases: [what: string, compressed: number[], layout: Layout, oneTarPerImage: boolean, fits: boolean][] = [
    ['a small image', [100], 'layers', false, true],
    ['two that unpack to less than a volume', [100, 80], 'layers', false, true],
    ['two that may not', [150, 150], 'layers', false, false],
    ['blobs take less', [150, 150], 'blobs', false, true],
    ['archives take more', [100, 80], 'layers,blobs', true, false],
  ];
  for (const [what, mebibytes, layout, oneTarPerImage, fits] of cases) {
    const compressed = mebibytes.map((size) => size * MEBIBYTE);
    test(what, () => assert.equal(fitsSmallest(compressed, formOf({ layout, oneTarPerImage })), fits));
  }
});
