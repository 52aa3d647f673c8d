import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RUNNING_POD } from '../../../src/model/cluster-objects.ts';
import { imageName } from '../../../src/model/image-reference.ts';
import { parse } from '../../../src/model/parse.ts';
import { chosenPlatform, podImages } from '../../../src/model/running-pod.ts';
import { digest } from '../../harness/captured-images.ts';

const pod = (status: object, spec: object = {}) =>
  parse(RUNNING_POD, {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { containers: [{ name: 'main', image: 'nginx' }], ...spec },
    status,
  });

const imagesOf = (status: object, spec?: object): string[] =>
  podImages(pod(status, spec)).map(({ name, digest }) => `${imageName(name)} ${digest ?? 'unknown'}`);

const state = (imageID: string) => ({ containerStatuses: [{ name: 'main', imageID }] });

const NGINX = 'docker.io/library/nginx:latest';

describe('the digest of a running image', () => {
  const ids: Record<string, string> = {
    [`docker.io/library/nginx@${digest('1')}`]: digest('1'),
    [`docker-pullable://nginx@${digest('1')}`]: digest('1'),
    [digest('1')]: 'unknown',
    '': 'unknown',
    'nginx@sha256:../../etc': 'unknown',
  };
  for (const [id, expected] of Object.entries(ids)) {
    test(`of ${id || 'a container that has not started'}`, () =>
      assert.deepEqual(imagesOf({ phase: 'Running', ...state(id) }), [`${NGINX} ${expected}`]));
  }

  test('does not count once its pod has ended', () => {
    for (const phase of ['Succeeded', 'Failed']) {
      assert.deepEqual(imagesOf({ phase, ...state(`nginx@${digest('1')}`) }), [`${NGINX} unknown`]);
    }
  });
});

test('init and ephemeral containers and volumes have images, too', () => {
  const spec = {
    initContainers: [{ name: 'init', image: 'r.io/init:1' }],
    containers: [],
    ephemeralContainers: [{ name: 'debug', image: 'r.io/debug:1' }],
    volumes: [{ image: { reference: 'r.io/data:1' } }, {}],
  };
  const status = {
    initContainerStatuses: [{ name: 'init', imageID: `r.io/init@${digest('2')}` }],
    ephemeralContainerStatuses: [{ name: 'debug', imageID: `r.io/debug@${digest('3')}` }],
  };
  assert.deepEqual(imagesOf(status, spec), [
    `r.io/init:1 ${digest('2')}`,
    `r.io/debug:1 ${digest('3')}`,
    'r.io/data:1 unknown',
  ]);
});

test('what is no image is left out', () => {
  assert.deepEqual(imagesOf({}, { containers: [{ name: 'a', image: 'not an image!' }, { name: 'b' }] }), []);
});

test('a pod chooses its platform by a label of nodes', () => {
  assert.equal(chosenPlatform({ nodeSelector: { 'kubernetes.io/arch': 'arm64' } }), 'linux/arm64');
  assert.equal(chosenPlatform({ nodeSelector: { 'beta.kubernetes.io/arch': 'amd64' } }), 'linux/amd64');
  assert.equal(chosenPlatform({ nodeSelector: { disk: 'ssd' } }), undefined);
});
