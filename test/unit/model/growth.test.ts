import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { largestFirst, oversized } from '../../../src/model/growth.ts';

const needs = (...bytes: number[]) => new Map(bytes.map((size, index) => [`${index}:${size}`, size]));

describe('images that are absurdly large', () => {
  const cases: [what: string, Map<string, number>, expected: number, large: string[]][] = [
    ['none, if they fit into the volume', needs(10, 20, 30), 100, []],
    ['none, if many that fit need more together', needs(...Array(50).fill(90)), 100, []],
    ['not one that is larger than the volume, but within four times of it', needs(10, 350), 100, []],
    ['one that is larger than that', needs(10, 500), 100, ['1:500']],
    ['one of terabytes, and not those beside it', needs(5e12, 10, 20), 100, ['0:5000000000000']],
    ['several that only together are too large', needs(10, 150, 160, 170), 100, ['3:170']],
    ['of which one makes no room for the next', needs(10, 390, 400, 1600, 6400), 100, ['2:400', '3:1600', '4:6400']],
    ['not one beside many usual ones', needs(...Array(50).fill(90), 5000), 100, []],
  ];
  for (const [what, images, expected, large] of cases) {
    test(what, () => assert.deepEqual(oversized(images, expected), large));
  }
});

test('the three largest come with their sizes', () => {
  const largest = largestFirst(needs(1, 9, 5, 7)).map(([, bytes]) => bytes);
  assert.deepEqual(largest, [9, 7, 5]);
});
