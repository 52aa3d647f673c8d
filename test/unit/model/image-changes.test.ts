import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeChanges, imageChanges } from '../../../src/model/image-changes.ts';

const image = (digest: string, ...names: string[]) => ({ digest, names: [...names, `r.io/x@${digest}`] });

describe('what changed between two preloads', () => {
  test('counts an image as updated if its tag leads to another digest', () => {
    const before = [image('1', 'r.io/a:1'), image('2', 'r.io/b:1'), image('3', 'r.io/c:1')];
    const after = [image('1', 'r.io/a:1'), image('9', 'r.io/b:1'), image('4', 'r.io/d:1')];
    assert.deepEqual(imageChanges(before, after), { added: 1, updated: 1, removed: 1 });
  });

  test('is nothing if only tags of the same images differ', () => {
    const changes = imageChanges([image('1', 'r.io/a:1')], [image('1', 'r.io/a:2')]);
    assert.deepEqual(changes, { added: 0, updated: 0, removed: 0 });
  });

  test('does not take the same repository for the same image', () => {
    const changes = imageChanges([image('1')], [{ digest: '2', names: ['r.io/x@1'] }]);
    assert.deepEqual(changes, { added: 1, updated: 0, removed: 1 });
  });
});

for (const [changes, text] of [
  [{ added: 0, updated: 0, removed: 0 }, 'no image changed'],
  [{ added: 1, updated: 0, removed: 0 }, '1 image added'],
  [{ added: 0, updated: 2, removed: 1 }, '2 images updated and 1 removed'],
  [{ added: 3, updated: 2, removed: 1 }, '3 images added, 2 updated and 1 removed'],
] as const) {
  test(text, () => assert.equal(describeChanges(changes), text));
}
