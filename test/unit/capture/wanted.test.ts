import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { unusableNames, wantedImages } from '../../../src/capture/wanted.ts';
import { imageName } from '../../../src/model/image-reference.ts';
import type { CaptureRequest } from '../../../src/model/request.ts';
import { defaultRequest, requested } from '../../harness/capture-request.ts';
import { digest } from '../../harness/captured-images.ts';

const app = 'docker.io/library/app:1';
const cached = 'r.io/cached:1';
const pause = 'registry.k8s.io/pause:3.10';
const request: CaptureRequest = {
  ...defaultRequest,
  images: [requested(app, { usedBy: 'pod/default/app', namespaces: ['default'] })],
};
const names = (...args: Parameters<typeof wantedImages>): string[] =>
  wantedImages(...args).map(({ name }) => imageName(name));

describe('what is wanted', () => {
  const onNode = new Map([[cached, digest('c')]]);

  test('the images of the request', () => assert.deepEqual(names(request, new Map(), undefined), [app]));

  test('the sandbox image, which every pod needs', () => {
    const [first, second] = wantedImages(request, new Map(), pause);
    assert.deepEqual([first?.sandbox, first?.required], [true, false]);
    assert.deepEqual([second?.sandbox, second?.required, second?.usedBy], [false, true, 'pod/default/app']);
  });

  test('the cache of the node, only if requested', () => {
    assert.deepEqual(names(request, onNode, undefined), [app]);
    assert.deepEqual(names({ ...request, cache: true }, onNode, undefined), [app, cached]);
  });

  test('the cache of the node, with the pull secrets of the namespace where the loader runs', () => {
    const images = wantedImages({ ...request, cache: true, cacheNamespace: 'ops' }, onNode, undefined);
    assert.deepEqual(
      images.map(({ namespaces }) => namespaces),
      [['default'], ['ops']],
    );
  });

  test('excluded images if they were requested, but not from the cache', () => {
    const exclude = ['r.io/', 'app'];
    assert.deepEqual(names({ ...request, cache: true, exclude }, onNode, undefined), [app]);
  });

  test('each name once', () => {
    const twice = [...request.images, requested('app:1', { required: false })];
    const wanted = names({ ...request, images: twice, cache: true }, new Map([[app, digest('a')]]), app);
    assert.deepEqual(wanted, [app]);
  });

  test('the sandbox image is required if the user named it', () => {
    const [image] = wantedImages(request, new Map(), app);
    assert.deepEqual([image?.sandbox, image?.required, image?.namespaces], [true, true, ['default']]);
  });

  test('no names that are not image references', () => {
    const odd = new Map([['import-2026@', digest('a')]]);
    assert.deepEqual(names({ ...request, cache: true }, odd, 'PAUSE'), [app]);
  });
});

test('names in the cache that cannot be captured are reported, if the cache is requested', () => {
  const node = {
    images: new Map([
      ['import-2026@', digest('a')],
      [cached, digest('c')],
    ]),
    foreign: ['r.io/strong:1'],
  };
  assert.deepEqual(unusableNames({ ...request, cache: true }, node), [
    { name: '"import-2026@"', reason: 'is not an image reference' },
    { name: '"r.io/strong:1"', reason: 'has no SHA-256 digest' },
  ]);
  assert.deepEqual(unusableNames(request, node), []);
});

describe('what is fetched', () => {
  test('the tag in the registry, if the node does not have it', () => {
    const [image] = wantedImages(request, new Map(), undefined);
    assert.deepEqual(image?.source, image?.name);
  });

  test('the version on the node, which keeps its tag', () => {
    const [image] = wantedImages(request, new Map([[app, digest('a')]]), undefined);
    assert.ok(image);
    assert.equal(imageName(image.name), app);
    assert.equal(imageName(image.source), `docker.io/library/app@${digest('a')}`);
  });

  test('the current tag in the registry, if requested', () => {
    const [image] = wantedImages({ ...request, forcePull: true }, new Map([[app, digest('a')]]), undefined);
    assert.deepEqual(image?.source, image?.name);
  });
});
