import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formOf, type Layout } from '../../../src/model/layout.ts';
import { estimateVolumeSize } from '../../../src/model/plan.ts';

const GIBIBYTE = 1024 ** 3;

const LAYERS = formOf({ layout: 'layers', oneTarPerImage: false });

describe('the volume is twice the compressed images of known size, and at least 2Gi', () => {
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
