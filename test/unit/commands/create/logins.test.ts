import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { neededLogins } from '../../../../src/commands/create/logins.ts';
import { requested } from '../../../harness/capture-request.ts';

const auth = (password: string) => ({ username: 'robot', password });
const secret = (path: string, auths: object) => {
  const [namespace = '', name = ''] = path.split('/');
  return { namespace, name, config: JSON.stringify({ auths }) };
};
const used = (image: string, ...namespaces: string[]) => requested(image, { namespaces });

/** `namespace/name` of the secrets, and the servers whose logins are taken from them. */
const needed = (...[secrets, needs, warn = assert.fail]: Partial<Parameters<typeof neededLogins>>) =>
  neededLogins(secrets ?? [], needs ?? { images: [] }, warn).map((logins) => [
    logins.secrets.map(({ namespace, name }) => `${namespace}/${name}`),
    Object.keys(logins.auths),
  ]);

describe('logins for the loader', () => {
  test('are those for the registries of the images, from namespaces that use them', () => {
    const auths = {
      'https://r.io/v1/': auth('a'),
      '*.example.com': auth('b'),
      'r.io/team-x': auth('c'),
      'https://index.docker.io/v1/': auth('d'),
      'other.io': auth('e'),
    };
    const images = [
      used('r.io/team/app:1', 'a'),
      used('hub.example.com/app:1', 'a', 'b'),
      used('nginx:1', 'c'),
      used('other.io/x:1', 'd'),
    ];
    const secrets = ['a/pull', 'b/pull', 'c/pull', 'e/pull'].map((path) => secret(path, auths));
    assert.deepEqual(needed(secrets, { images }), [
      [['a/pull'], ['https://r.io/v1/', '*.example.com']],
      [['b/pull'], ['*.example.com']],
      [['c/pull'], ['https://index.docker.io/v1/']],
    ]);
  });

  test('are each there once, with every secret that has them', () => {
    const images = [used('r.io/app:1', 'a', 'b', 'c')];
    const secrets = [
      secret('a/pull', { 'r.io': auth('x'), 'other.io': auth('z') }),
      secret('b/pull', { 'r.io': auth('x') }),
      secret('c/pull', { 'r.io': auth('y') }),
    ];
    assert.deepEqual(needed(secrets, { images }), [
      [['a/pull', 'b/pull'], ['r.io']],
      [['c/pull'], ['r.io']],
    ]);
  });

  test('are all those of a namespace if any image may be needed there', () => {
    const secrets = ['own/pull', 'a/pull'].map((path) => secret(path, { 'r.io': auth('x'), 'other.io': auth('y') }));
    const images = [used('r.io/app:1', 'a')];
    assert.deepEqual(needed(secrets, { images, wholeNamespace: 'own' }), [
      [['own/pull'], ['r.io', 'other.io']],
      [['a/pull'], ['r.io']],
    ]);
  });

  test('are not taken from a secret that is no Docker configuration or too large, with a warning', () => {
    const huge = Object.fromEntries(Array.from({ length: 9000 }, (_, index) => [`r.io/${index}`, auth('x')]));
    const secrets = [
      { namespace: 'a', name: 'text', config: 'top secret' },
      secret('a/odd', { 'r.io': 'top secret' }),
      secret('a/huge', huge),
      secret('a/fine', { 'r.io': auth('x') }),
    ];
    const said: string[] = [];
    const images = Object.keys(huge).map((name) => used(`${name}/app:1`, 'a'));
    const found = needed(secrets, { images: images.slice(0, 1) }, (text) => void said.push(text));
    assert.deepEqual(found.flatMap(([paths]) => paths).sort(), ['a/fine', 'a/huge']);
    assert.deepEqual(said, [
      'pull secret a/text is not a Docker configuration',
      'pull secret a/odd is not a Docker configuration',
    ]);
    needed(secrets.slice(2), { images: [], wholeNamespace: 'a' }, (text) => void said.push(text));
    assert.deepEqual(said.slice(2), ['pull secret a/huge is too large, so it is not used']);
  });
});
