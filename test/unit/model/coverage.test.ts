import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareWith, type Preloaded, type UsedImage } from '../../../src/model/coverage.ts';
import { imageName, parseImage } from '../../../src/model/image-reference.ts';
import { digest } from '../../harness/captured-images.ts';

const API = { kind: 'deployment', namespace: 'shop', name: 'api' };

const used = (text: string, fields: Partial<UsedImage> = {}): UsedImage => {
  const name = parseImage(text);
  assert.ok(name);
  return { name, users: [API], running: [], awaitedOn: new Set(), isAwaited: false, ...fields };
};
const runs = (text: string, character: string, platform: string | undefined = 'linux/amd64', pods = 1): UsedImage =>
  used(text, { running: [{ digest: digest(character), platform, pods }] });
const waits = (text: string): UsedImage => used(text, { isAwaited: true });

const image = (text: string, character: string, more: object = {}) => {
  const name = parseImage(text);
  assert.ok(name);
  return { names: [imageName(name)], digest: digest(character), size: 10, ...more };
};
const preload = (...images: Preloaded['images'][number][]): Preloaded => ({ platform: 'linux/amd64', images });

const compared = (content: Preloaded, ...images: UsedImage[]) => {
  const { inUse, present, missing, outdated, unused } = compareWith(images)(content);
  return {
    coverage: `${present}/${inUse}`,
    missing: missing.map(({ name }) => name),
    outdated: outdated.map(({ name }) => name),
    unused: unused.flatMap(({ names }) => names),
  };
};
const NONE = { missing: [], outdated: [], unused: [] };

describe('an image that pods run', () => {
  test('is covered by its digest, whatever its name', () => {
    assert.deepEqual(compared(preload(image('r.io/a:1', '1')), runs('r.io/other:2', '1')), {
      coverage: '1/1',
      ...NONE,
    });
  });

  test('is missing if the preload has neither its digest nor its name', () => {
    assert.deepEqual(compared(preload(image('r.io/a:1', '1')), runs('r.io/a:1', '1'), runs('r.io/b:1', '2')), {
      ...{ coverage: '1/2', ...NONE, missing: ['r.io/b:1'] },
    });
  });

  test('is outdated if the preload has another digest of its name, which is not unused', () => {
    const { outdated } = compareWith([runs('r.io/a:1', '2', 'linux/amd64', 3)])(preload(image('r.io/a:1', '1')));
    assert.deepEqual(outdated, [
      { name: 'r.io/a:1', users: [API], digest: digest('2'), pods: 3, preloaded: digest('1') },
    ]);
    assert.deepEqual(compared(preload(image('r.io/a:1', '1')), runs('r.io/a:1', '2')), {
      ...{ coverage: '0/1', ...NONE, outdated: ['r.io/a:1'] },
    });
  });

  test('counts once for each digest that its tag had', () => {
    const both = used('r.io/a:1', {
      running: ['1', '2'].map((one) => ({ digest: digest(one), platform: 'linux/amd64', pods: 1 })),
    });
    assert.deepEqual(compared(preload(image('r.io/a:1', '1')), both), {
      ...{ coverage: '1/2', ...NONE, outdated: ['r.io/a:1'] },
    });
  });

  test('counts once if it has two names', () => {
    const names = [runs('r.io/b:1', '2'), runs('r.io/b:2', '2')];
    assert.equal(compared(preload(), ...names).coverage, '0/1');
  });

  test('on another platform does not count', () => {
    assert.equal(compared(preload(), runs('r.io/a:1', '1', 'linux/arm64')).coverage, '0/0');
    assert.equal(compared(preload(), runs('r.io/a:1', '1', 'windows/amd64')).coverage, '0/0');
  });

  test('on an unknown node counts on every platform', () => {
    assert.equal(compared(preload(), runs('r.io/a:1', '1', undefined)).coverage, '0/1');
  });
});

describe('an image that no pod runs', () => {
  test('is covered by its name', () => {
    const content = preload(image('r.io/a:1', '1'));
    assert.deepEqual(compared(content, waits('r.io/a:1'), waits('r.io/b:1')), {
      ...{ coverage: '1/2', ...NONE, missing: ['r.io/b:1'] },
    });
  });

  test('is covered by its digest if that is its name', () => {
    assert.equal(compared(preload(image('r.io/a:1', '1')), waits(`r.io/b@${digest('1')}`)).coverage, '1/1');
  });

  test('counts on the platform that its workload chooses', () => {
    const chosen = used('r.io/a:1', { awaitedOn: new Set(['linux/arm64']) });
    assert.equal(compared(preload(), chosen).coverage, '0/0');
    assert.equal(compared({ ...preload(), platform: 'linux/arm64' }, chosen).coverage, '0/1');
  });

  test('does not count where it does not run if it runs on another platform', () => {
    const there = { ...runs('r.io/a:1', '1', 'linux/arm64'), isAwaited: true };
    assert.equal(compared(preload(), there).coverage, '0/0');
  });
});

test('what a preload excludes does not count for it, and does for others', () => {
  const compare = compareWith([runs('docker.io/library/nginx:1', '1'), runs('r.io/a:1', '2')]);
  const exclude = ['nginx'];
  assert.equal(compare({ ...preload(), exclude }).inUse, 1);
  assert.equal(compare(preload()).inUse, 2);
});

test('images that nothing uses are unused, except for the pause image', () => {
  const content = preload(image('r.io/a:1', '1'), image('r.io/pause:3', '3', { sandbox: true }));
  assert.deepEqual(compared(content), { coverage: '0/0', ...NONE, unused: ['r.io/a:1'] });
});
