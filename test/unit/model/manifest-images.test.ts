import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imagesInManifest } from '../../../src/model/manifest-images.ts';

const found = (document: unknown) => imagesInManifest(document).map(({ path, value }) => [path, value]);

describe('images in a manifest', () => {
  test('are those of all containers and image volumes, with their paths', () => {
    const spec = {
      initContainers: [{ image: 'init' }],
      containers: [{ image: 'a' }, { name: 'injected' }, { image: 'b' }],
      ephemeralContainers: [{ image: 'debug' }],
      volumes: [{ emptyDir: {} }, { image: { reference: 'data' } }],
    };
    assert.deepEqual(found({ kind: 'Deployment', spec: { template: { spec } } }), [
      ['spec.template.spec.initContainers[0].image', 'init'],
      ['spec.template.spec.containers[0].image', 'a'],
      ['spec.template.spec.containers[2].image', 'b'],
      ['spec.template.spec.ephemeralContainers[0].image', 'debug'],
      ['spec.template.spec.volumes[1].image.reference', 'data'],
    ]);
  });

  test('are found in lists and in custom resources', () => {
    const items = [
      { kind: 'ConfigMap' },
      { spec: { tasks: [{ template: { spec: { containers: [{ image: 'x' }] } } }] } },
    ];
    assert.deepEqual(found({ kind: 'List', items }), [
      ['items[1].spec.tasks[0].template.spec.containers[0].image', 'x'],
    ]);
  });

  test('may be anything but nothing', () => {
    assert.deepEqual(
      found({ containers: [{ image: 5 }, { image: '' }, { image: null }, 'x', { image: { tag: 1 } }] }),
      [
        ['containers[0].image', 5],
        ['containers[4].image', { tag: 1 }],
      ],
    );
  });

  test('are marked if only Windows runs them', () => {
    const pod = { containers: [{ image: 'x' }] };
    const windows = (document: object) => imagesInManifest(document).map((image) => image.windows);
    assert.deepEqual(windows({ spec: { ...pod, os: { name: 'windows' } } }), [true]);
    assert.deepEqual(windows({ spec: { ...pod, nodeSelector: { 'kubernetes.io/os': 'windows' } } }), [true]);
    assert.deepEqual(windows({ spec: { ...pod, nodeSelector: 'windows', os: 3 } }), [false]);
    assert.deepEqual(windows({ spec: pod }), [false]);
  });

  test('are not what a custom kind has as defaults', () => {
    assert.deepEqual(
      found({ kind: 'CustomResourceDefinition', spec: { default: { containers: [{ image: 'x' }] } } }),
      [],
    );
  });

  test('are none in what is no object', () => {
    for (const document of [undefined, null, 'nginx', 5, [], [null]]) assert.deepEqual(found(document), []);
  });
});

describe('a hostile manifest is refused', () => {
  test('if it is nested too deeply', () => {
    assert.throws(
      () => found(JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)),
      /is nested more than 100 levels/,
    );
  });

  test('if its aliases grow without end', () => {
    let bomb: unknown[] = ['lol'];
    for (let level = 0; level < 12; level += 1) bomb = Array.from({ length: 10 }, () => bomb);
    assert.throws(() => found(bomb), /has more than 10000000 values/);
  });
});
