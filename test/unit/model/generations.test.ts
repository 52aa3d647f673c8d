import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generatedName, hasPrefix, isPrefix, prefixOf, prefixProblem } from '../../../src/model/generations.ts';
import { nameProblem } from '../../../src/model/names.ts';

test('a name that ends with "-" is a prefix', () => {
  assert.equal(isPrefix('nightly-'), true);
  assert.equal(isPrefix('nightly'), false);
});

test('a generated name has the time in UTC', () => {
  assert.equal(generatedName('nightly-', Date.UTC(2026, 10, 27, 1, 30, 5)), 'nightly-20261127-013005');
});

test('a prefix must leave room for the time', () => {
  assert.equal(prefixProblem('nightly-'), undefined);
  assert.equal(prefixProblem(`${'a'.repeat(32)}-`), undefined);
  assert.equal(nameProblem(generatedName(`${'a'.repeat(32)}-`, 0)), undefined);
  assert.equal(prefixProblem(`${'a'.repeat(33)}-`), 'must be at most 33 characters');
  assert.equal(prefixProblem('nightly'), 'must end with "-"');
  assert.match(prefixProblem('Nightly-') ?? '', /^must consist of/);
});

for (const [name, expected] of [
  ['nightly-20261127-013000', true],
  ['nightly-20261127-013000-arm64', true],
  ['nightly-7', true],
  ['nightly-', false],
  ['nightly', false],
  ['nightly-gpu-20261127-013000', false],
  ['weekly-20261127-013000', false],
] as const) {
  test(`${name} ${expected ? 'has' : 'does not have'} the prefix nightly-`, () => {
    assert.equal(hasPrefix(name, 'nightly-'), expected);
  });
}

test('the prefix of a name is what comes before its number or time', () => {
  const prefixes = ['nightly-20261127-013000-arm64', 'nightly-gpu-20261127-013000', 'web-1', 'web', 'web-app', '1-2'];
  assert.deepEqual(prefixes.map(prefixOf), ['nightly-', 'nightly-gpu-', 'web-', undefined, undefined, '1-']);
});
