import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFileSums } from '../../../src/volume/checksums.ts';

const SUMS = [
  ['preload.json', 'a'],
  ['restore/names', 'b'],
].map(([path = '', digit = '']): [string, string] => [path, `sha256:${digit.repeat(64)}`]);
const TEXT = SUMS.map(([path, digest]) => `${digest.slice('sha256:'.length)}  ${path}\n`).join('');

test('a list of checksums is read as it was written', () => {
  assert.deepEqual([...parseFileSums(TEXT)], SUMS);
});

test('every flipped bit in a list is detected, even between a checksum and its path', () => {
  for (let bit = 0; bit < TEXT.length * 7; bit++) {
    const data = Buffer.from(TEXT);
    const at = Math.floor(bit / 7);
    data[at] = (data[at] ?? 0) ^ (1 << (bit % 7));
    assert.notDeepEqual([...parseFileSums(data.toString())], SUMS, `bit ${bit % 7} of letter ${at}`);
  }
});
