import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UsedImage } from '../../../src/model/coverage.ts';
import { parseImage } from '../../../src/model/image-reference.ts';
import { capturable, type DiffSide, diffOf, hasChanges } from '../../../src/model/preload-diff.ts';
import { digest } from '../../harness/captured-images.ts';

const image = (tag: string, character: string, size = 1) => ({
  names: [`r.io/${tag}`, `r.io/${tag.split(':')[0]}@${digest(character)}`],
  digest: digest(character),
  size,
});
const side = (...images: DiffSide['images'][number][]): DiffSide => ({ images });

const changesOf = (before: DiffSide, after: DiffSide): string[] =>
  diffOf(before, after).images.map(({ name, change }) => `${name} ${change}`);

describe('between two preloads', () => {
  test('images are added, changed and removed', () => {
    const before = side(image('a:1', '1', 5), image('b:1', '2', 6), image('c:1', '3', 7));
    const after = side(image('a:1', '1', 5), image('b:1', '4', 8), image('d:1', '5', 9));
    assert.deepEqual(diffOf(before, after), {
      images: [
        { name: 'r.io/b:1', change: 'changed', oldDigest: digest('2'), newDigest: digest('4'), oldSize: 6, newSize: 8 },
        { name: 'r.io/c:1', change: 'removed', oldDigest: digest('3'), oldSize: 7 },
        { name: 'r.io/d:1', change: 'added', newDigest: digest('5'), newSize: 9 },
      ],
    });
    assert.ok(hasChanges(diffOf(before, after)));
  });

  test('equal ones do not differ', () => {
    const same = { ...side(image('a:1', '1')), layers: ['x', 'y'] };
    const found = diffOf(same, same);
    assert.deepEqual(found, { images: [], layers: { added: 0, removed: 0, kept: 2 } });
    assert.ok(!hasChanges(found));
  });

  test('layers count even if no image changed', () => {
    const found = diffOf({ ...side(), layers: ['x', 'y'] }, { ...side(), layers: ['y', 'z', 'w'] });
    assert.deepEqual(found.layers, { added: 2, removed: 1, kept: 1 });
    assert.ok(hasChanges(found));
  });

  test('a new tag of the same image is added, and the old one is not removed', () => {
    assert.deepEqual(changesOf(side(image('a:1', '1')), side(image('a:2', '1'))), ['r.io/a:2 added']);
  });

  test('the pause image of a node is not a difference by its absence', () => {
    const pause = { ...image('pause:3', '9'), sandbox: true };
    assert.deepEqual(changesOf(side(pause), side()), []);
    assert.deepEqual(changesOf(side(), side(pause)), []);
  });
});

describe('between a preload and a cluster', () => {
  const used = (text: string, ...running: [character: string, pods: number][]): UsedImage => {
    const name = parseImage(text);
    assert.ok(name);
    const platform = 'linux/amd64';
    return {
      ...{ name, users: [], awaitedOn: new Set<string>(), isAwaited: running.length === 0 },
      running: running.map(([character, pods]) => ({ digest: digest(character), platform, pods })),
    };
  };
  const against = (...cluster: UsedImage[]) => {
    const images = [image('a:1', '1'), image('b:1', '2')];
    return changesOf(side(...images), side(...capturable(cluster, { platform: 'linux/amd64', images })));
  };

  test('what no pod runs is the same if its name is', () => {
    assert.deepEqual(against(used('r.io/a:1'), used('r.io/b:1')), []);
  });

  test('a tag that has moved is changed', () => {
    assert.deepEqual(against(used('r.io/a:1', ['7', 1]), used('r.io/b:1', ['2', 1])), ['r.io/a:1 changed']);
  });

  test('a tag that has moved on some nodes only is not, since a capture finds one of its versions', () => {
    assert.deepEqual(against(used('r.io/a:1', ['7', 5], ['1', 1], ['8', 9]), used('r.io/b:1')), []);
  });

  test('what pods name by its digest is there', () => {
    assert.deepEqual(against(used(`r.io/a@${digest('1')}`), used('r.io/b:1')), []);
  });
});
