import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load } from 'js-yaml';
import type { ImagesOnNodes } from '../../../../src/cluster/node-images.ts';
import type { FoundImage } from '../../../../src/commands/find-images.ts';
import { formatImages, imageEntry } from '../../../../src/commands/images/list.ts';
import { imageName, parseImage } from '../../../../src/model/image-reference.ts';
import { digest } from '../../../harness/captured-images.ts';

const reference = (name: string) => {
  const parsed = parseImage(name);
  assert.ok(parsed);
  return parsed;
};
const users = ['web', 'api', 'job'].map((name) => ({ kind: 'deployment', namespace: 'shop', name }));
const image = (name: string, more: Partial<FoundImage> = {}): FoundImage => ({
  ...{ name: reference(name), users, files: [], isNamed: false },
  ...more,
});
const onNode = (name: string, more: { size?: number; digests?: string[]; nodes?: string[] }): ImagesOnNodes => {
  const found = { name: reference(name), size: 0, digests: [], nodes: ['a'], ...more };
  return { images: new Map([[imageName(found.name), found]]), full: ['b'] };
};
const rows = (text: string) => text.split('\n').map((line) => line.split(/ {3,}/));

describe('an image', () => {
  test('has the size, the nodes and the digest that nodes report', () => {
    const reported = onNode('nginx:1', { size: 3 * 1024 ** 2, digests: [digest('a')] });
    assert.deepEqual(imageEntry(image('nginx:1'), reported), {
      name: 'docker.io/library/nginx:1',
      ...{ size: 3 * 1024 ** 2, digest: digest('a'), required: false, users, files: [], nodes: ['a'], nodesUnknown: 1 },
    });
  });

  test('has no digest if nodes have different ones', () => {
    assert.equal(
      imageEntry(image('nginx:1'), onNode('nginx:1', { digests: [digest('a'), digest('b')] })).digest,
      undefined,
    );
  });

  test('has its own digest, whatever nodes report', () => {
    const entry = imageEntry(image(`nginx@${digest('c')}`), onNode('nginx:1', {}));
    assert.deepEqual([entry.digest, entry.nodes, entry.nodesUnknown], [digest('c'), [], 1]);
  });

  test('has no nodes if they cannot be listed', () => {
    const { nodes, nodesUnknown } = imageEntry(image('nginx:1'), null);
    assert.deepEqual([nodes, nodesUnknown], [undefined, undefined]);
  });
});

describe('images', () => {
  const entries = [
    imageEntry(image('nginx:1'), onNode('nginx:1', { size: 3 * 1024 ** 2, digests: [digest('a')], nodes: ['a', 'b'] })),
    imageEntry(image('redis:7', { users: [], files: ['app.yaml'], isNamed: true }), onNode('nginx:1', {})),
    imageEntry(image('r.io/cached:1', { users: [] }), null),
  ];

  test('are a table with the first user and how many more there are', () => {
    assert.deepEqual(rows(formatImages(entries, undefined)), [
      ['NAME', 'SIZE', 'USED-BY', 'NODES'],
      ['docker.io/library/nginx:1', '3Mi', 'deployment/shop/web +2 more', '2'],
      ['docker.io/library/redis:7', '<unknown>', 'app.yaml', '0+'],
      ['r.io/cached:1', '<unknown>', '<none>', '<unknown>'],
    ]);
    for (const line of formatImages(entries, undefined).split('\n')) assert.ok(line.length <= 80, line);
  });

  test('are a wide table with users, digests and nodes, but not with thousands of them', () => {
    const many = Array.from({ length: 5000 }, (_, index) => ({ kind: 'pod', namespace: 'shop', name: `p${index}` }));
    const crowd = imageEntry(image('r.io/crowd:1', { users: many }), null);
    const [head, nginx, , , last] = rows(formatImages([...entries, crowd], 'wide'));
    assert.deepEqual(head, ['NAME', 'SIZE', 'USED-BY', 'NODES', 'DIGEST', 'NODE-NAMES']);
    assert.deepEqual(nginx?.slice(2), [
      'deployment/shop/web, deployment/shop/api, deployment/shop/job',
      ...['2', digest('a'), 'a, b'],
    ]);
    assert.match(last?.[2] ?? '', /, pod\/shop\/p9 \+4990 more$/);
  });

  test('are names, one per line, which --from-file reads', () => {
    const names = ['docker.io/library/nginx:1', 'docker.io/library/redis:7', 'r.io/cached:1'];
    assert.deepEqual(formatImages(entries, 'name').split('\n'), names);
  });

  test('are a list with a kind, as JSON and YAML', () => {
    const expected = {
      apiVersion: 'kubectl-preload/v1',
      kind: 'ImageList',
      items: entries.map((entry) => ({ apiVersion: 'kubectl-preload/v1', kind: 'Image', ...entry })),
    };
    assert.deepEqual(JSON.parse(formatImages(entries, 'json')), JSON.parse(JSON.stringify(expected)));
    assert.deepEqual(load(formatImages(entries, 'yaml')), JSON.parse(JSON.stringify(expected)));
  });
});
