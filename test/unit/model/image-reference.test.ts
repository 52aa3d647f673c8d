import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imageName, isExcluded, keptNames, parseImage, repository } from '../../../src/model/image-reference.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}`;
const OTHER_DIGEST = `sha256:${'f'.repeat(64)}`;

const parsed = (text: string) => {
  const image = parseImage(text);
  assert.ok(image, text);
  return image;
};

describe('references are qualified like in the distribution project', () => {
  const names = {
    nginx: 'docker.io/library/nginx:latest',
    'nginx:1.27': 'docker.io/library/nginx:1.27',
    'library/nginx': 'docker.io/library/nginx:latest',
    'bitnami/nginx:1': 'docker.io/bitnami/nginx:1',
    'docker.io/nginx': 'docker.io/library/nginx:latest',
    'docker.io/library/nginx:1.27': 'docker.io/library/nginx:1.27',
    'index.docker.io/nginx': 'docker.io/library/nginx:latest',
    'index.docker.io/bitnami/nginx': 'docker.io/bitnami/nginx:latest',
    'registry.k8s.io/pause:3.10': 'registry.k8s.io/pause:3.10',
    'registry.example.com/a/b/c': 'registry.example.com/a/b/c:latest',
    'registry.example.com:5000/app': 'registry.example.com:5000/app:latest',
    'registry.example.com:5000/app:1': 'registry.example.com:5000/app:1',
    'localhost/app': 'localhost/app:latest',
    'localhost:5000/app:1': 'localhost:5000/app:1',
    '127.0.0.1:5000/app': '127.0.0.1:5000/app:latest',
    '[::1]:5000/app:1': '[::1]:5000/app:1',
    'host:5000/app': 'host:5000/app:latest',
    'registry/app': 'docker.io/registry/app:latest',
    'REGISTRY/app': 'REGISTRY/app:latest',
    'Registry.Example.com/app': 'Registry.Example.com/app:latest',
    'a_b/c__d/e--f.g:T_1.x-y': 'docker.io/a_b/c__d/e--f.g:T_1.x-y',
    [`nginx@${DIGEST}`]: `docker.io/library/nginx@${DIGEST}`,
    [`nginx:1.27@${DIGEST}`]: `docker.io/library/nginx@${DIGEST}`,
    [`localhost:5000/app@${DIGEST}`]: `localhost:5000/app@${DIGEST}`,
    [`a:${'t'.repeat(128)}`]: `docker.io/library/a:${'t'.repeat(128)}`,
    // hexadecimal names are names like others unless they are exactly an image ID
    deadbeef: 'docker.io/library/deadbeef:latest',
  };
  for (const [text, name] of Object.entries(names)) {
    test(text, () => assert.equal(imageName(parsed(text)), name));
  }
});

describe('invalid image references are rejected', () => {
  const nonsense = {
    empty: '',
    blank: ' ',
    'space inside': 'a b',
    'upper-case path': 'docker.io/Nginx',
    'upper-case name': 'NGINX',
    'no tag after the colon': 'nginx:',
    'no path': 'registry.example.com/',
    'no path after a port': 'localhost:5000/',
    'leading slash': '/nginx',
    'trailing slash': 'a/b/',
    'double slash': 'a//b',
    'three underscores': 'a___b',
    'two dots': 'a..b',
    'leading separator': '-a',
    'trailing separator': 'a-',
    'tag with a leading dot': 'a:.b',
    'tag of 129 characters': `a:${'t'.repeat(129)}`,
    'repository of 256 characters': `r.io/${'a'.repeat(251)}`,
    'two tags': 'a:1:2',
    'no digest after the at sign': 'a@',
    'short digest': 'a@sha256:0123',
    'upper-case digest': `a@sha256:${HEX.toUpperCase()}`,
    'other algorithm': `a@md5:${'0'.repeat(32)}`,
    'two digests': `a@${DIGEST}@${DIGEST}`,
    'image ID': HEX,
    'port that is not a number': 'host:port/app',
    URL: 'https://registry.example.com/app',
    'docker transport': 'docker://nginx',
    'line break': 'nginx\n',
    option: '--help',
  };
  for (const [what, text] of Object.entries(nonsense)) {
    test(what, () => assert.equal(parseImage(text), undefined));
  }
});

test('a repository may have 255 characters', () => {
  assert.equal(repository(parsed(`r.io/${'a'.repeat(250)}`)).length, 255);
});

test('a reference may have both a tag and a digest', () => {
  assert.deepEqual(parsed(`nginx:1@${DIGEST}`), {
    domain: 'docker.io',
    path: 'library/nginx',
    tag: '1',
    digest: DIGEST,
  });
});

test('a digest alone implies no tag', () => {
  assert.equal(parsed(`nginx@${DIGEST}`).tag, undefined);
});

test('an image is kept under its tag and its digest, as after a pull by the kubelet', () => {
  assert.deepEqual(keptNames(parsed('nginx:1'), DIGEST), [
    'docker.io/library/nginx:1',
    `docker.io/library/nginx@${DIGEST}`,
  ]);
});

test('an image specified by digest is kept only under the digest, even with a tag', () => {
  const name = `docker.io/library/nginx@${DIGEST}`;
  assert.deepEqual(keptNames(parsed(`nginx@${DIGEST}`), OTHER_DIGEST), [name]);
  assert.deepEqual(keptNames(parsed(`nginx:1@${DIGEST}`), OTHER_DIGEST), [name]);
});

describe('prefixes exclude names, fully qualified and short', () => {
  const cases: [name: string, prefixes: string[], excluded: boolean][] = [
    ['nginx:1', [], false],
    ['nginx:1', ['nginx'], true],
    ['nginx:1', ['docker.io/'], true],
    ['nginx:1', ['docker.io/library/nginx:2'], false],
    ['docker.io/library/nginx:1', ['nginx'], true],
    ['docker.io/library/nginx:1', ['library/'], false],
    ['docker.io/bitnami/nginx:1', ['bitnami/'], true],
    ['registry.example.com/app', ['registry.example.com/'], true],
    ['registry.example.com/app', ['other', 'registry.example.com/app:latest'], true],
    ['registry.example.com.evil/app', ['registry.example.com/'], false],
  ];
  for (const [name, prefixes, excluded] of cases) {
    test(`${name} by ${prefixes.join(', ') || 'none'}`, () =>
      assert.equal(isExcluded(parsed(name), prefixes), excluded));
  }
});
