import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { distinctBytes, distinctLayers } from '../../../src/model/contents.ts';
import { capturedImage, digest, layer } from '../../harness/captured-images.ts';

const [base, middle, top, other] = [layer('a', 10), layer('b', 20), layer('c', 30), layer('d', 40)] as const;
const pause = capturedImage({ layers: [other], sandbox: true });
const app = capturedImage({ layers: [base, middle, top] });
const sidecar = capturedImage({ layers: [base, other] });

describe('distinct layers', () => {
  test('no images and images without layers have none', () => {
    assert.deepEqual(distinctLayers([]), []);
    assert.deepEqual(distinctLayers([capturedImage({})]), []);
  });

  test('the base has no parent, every other layer has the one below', () => {
    assert.deepEqual(distinctLayers([app]), [
      { chainId: digest('a'), parent: undefined, depth: 1, sandbox: false },
      { chainId: digest('b'), parent: digest('a'), depth: 2, sandbox: false },
      { chainId: digest('c'), parent: digest('b'), depth: 3, sandbox: false },
    ]);
  });

  test('shared layers are listed once, parents before children', () => {
    const chain = capturedImage({ layers: [base, middle] });
    const layers = distinctLayers([app, chain, capturedImage({ layers: [other] })]);
    assert.deepEqual(
      layers.map(({ chainId, depth }) => [chainId, depth]),
      [
        [digest('a'), 1],
        [digest('d'), 1],
        [digest('b'), 2],
        [digest('c'), 3],
      ],
    );
  });

  test('layers of the sandbox image are marked, also in other images', () => {
    const user = capturedImage({ layers: [other, layer('e', 1)] });
    const marked = (images: Parameters<typeof distinctLayers>[0]) =>
      distinctLayers(images)
        .filter(({ sandbox }) => sandbox)
        .map(({ chainId }) => chainId);
    assert.deepEqual(marked([pause, user]), [digest('d')]);
    assert.deepEqual(marked([user, pause]), [digest('d')]);
  });

  test('the order does not depend on the order of the images', () => {
    assert.deepEqual(distinctLayers([app, pause]), distinctLayers([pause, app]));
  });
});

test('bytes of shared layers count once', () => {
  assert.equal(distinctBytes([]), 0);
  assert.equal(distinctBytes([app]), 60);
  assert.equal(distinctBytes([app, sidecar, pause]), 100);
});

test('a blob that an image contains twice counts once', () => {
  const blob = { digest: digest('f'), bytes: 5, source: 'node' as const };
  const image = capturedImage({
    layers: [
      { chainId: digest('a'), ...blob },
      { chainId: digest('b'), ...blob },
    ],
  });
  assert.equal(distinctBytes([image]), 5);
  assert.equal(distinctLayers([image]).length, 2);
});
