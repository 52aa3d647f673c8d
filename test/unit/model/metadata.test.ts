import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { annotationProblem, fitsObject, labelProblem } from '../../../src/model/metadata.ts';

const LONG = 'a'.repeat(64);

describe('labels that Kubernetes accepts', () => {
  for (const [key, value] of [
    ['team', 'web'],
    ['team', ''],
    ['example.com/Team_1.x', 'A_b.c-1'],
    ['app.kubernetes.io/part-of', 'shop'],
    ['a'.repeat(63), 'a'.repeat(63)],
  ] as const) {
    test(`${key}=${value}`, () => assert.equal(labelProblem(key, value), undefined));
  }
});

describe('labels that Kubernetes rejects', () => {
  for (const [key, value, problem] of [
    ['', 'x', /^its key must be at most 63/],
    [LONG, 'x', /^its key must be at most 63/],
    ['-a', 'x', /^its key must be/],
    ['a/b/c', 'x', /^its key must be/],
    ['Example.com/a', 'x', /^the part of its key before "\/" must be a domain name/],
    ['/a', 'x', /^the part of its key before "\/"/],
    [`${'a.'.repeat(127)}/a`, 'x', /^the part of its key before "\/"/],
    ['a', 'b c', /^its value must be/],
    ['a', 'b-', /^its value must be/],
    ['a', LONG, /^its value must be at most 63/],
    ['a', 'ä', /^its value must be/],
  ] as const) {
    test(`${key}=${value}`, () => assert.match(labelProblem(key, value) ?? '', problem));
  }
});

test('labels of the tool cannot be overwritten', () => {
  for (const key of ['name', 'instance', 'component', 'managed-by', 'version'])
    assert.match(labelProblem(`app.kubernetes.io/${key}`, 'x') ?? '', /sets this label itself/);
});

test('keys of annotations follow the same rules, but may have capitals before the slash', () => {
  assert.equal(annotationProblem('Example.com/a'), undefined);
  assert.match(annotationProblem('a b') ?? '', /^its key must be/);
  assert.match(annotationProblem('preload.run') ?? '', /sets annotations with this prefix itself/);
});

test('annotations may have 256Ki together', () => {
  assert.equal(fitsObject({ a: 'x'.repeat(256 * 1024 - 1) }), true);
  assert.equal(fitsObject({ a: 'x'.repeat(256 * 1024 - 1), b: '' }), false);
});
