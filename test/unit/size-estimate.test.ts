import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formOf, type Layout } from '../../src/model/layout.ts';
import { estimateVolumeSize } from '../../src/model/size-estimate.ts';

const GIBIBYTE = 1024 ** 3;

const LAYERS = formOf({ layout: 'layers', oneTarPerImage: false });

describe('the volume is four times the compressed images, and at least 2Gi', () => {
  const cases: [what: string, count: number, known: number[], size: string][] = [
    ['no image', 0, [], '2Gi'],
    ['one small image', 1, [1024], '2Gi'],
    ['one of unknown size', 1, [], '2Gi'],
    ['eight of unknown size', 8, [], '8Gi'],
    ['all known', 2, [GIBIBYTE, GIBIBYTE], '8Gi'],
    ['some known', 3, [GIBIBYTE, GIBIBYTE], '9Gi'],
    ['just above a gibibyte', 1, [GIBIBYTE + 1], '5Gi'],
  ];
  for (const [what, count, known, size] of cases) {
    test(what, () => assert.equal(estimateVolumeSize(count, known, LAYERS), size));
  }
});

describe('it depends on what is kept', () => {
  const cases: [layout: Layout, oneTarPerImage: boolean, size: string][] = [
    ['blobs', false, '10Gi'],
    ['blobs', true, '20Gi'],
    ['layers,blobs', false, '40Gi'],
    ['layers', true, '50Gi'],
  ];
  for (const [layout, oneTarPerImage, size] of cases) {
    test(`${layout}${oneTarPerImage ? ' and archives' : ''}`, () => {
      assert.equal(estimateVolumeSize(1, [10 * GIBIBYTE], formOf({ layout, oneTarPerImage })), size);
    });
  }
});
