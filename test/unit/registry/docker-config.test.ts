import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { matchesImage, matchingCredentials, parseDockerConfig } from '../../../src/registry/docker-config.ts';
import { fuzz, RUNS } from '../../harness/fuzz.ts';

const auth = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64');
const parse = (config: object) => parseDockerConfig(JSON.stringify(config), 'here');

describe('a Docker configuration', () => {
  test('in both formats', () => {
    const auths = { 'registry.test': { auth: auth('me', 'pass:word') } };
    const entries = [
      { pattern: 'registry.test', credential: { source: 'here', username: 'me', password: 'pass:word' } },
    ];
    assert.deepEqual(parse({ auths }), entries);
    assert.deepEqual(parse(auths), entries);
  });

  test('with user names, identity tokens and unpadded base64', () => {
    const entries = parse({
      'a.test': { username: 'me', password: 'secret' },
      'b.test': { identitytoken: 'token', auth: auth('me', '') },
      'c.test': { auth: auth('me', 'x').replace(/=+$/, '') },
      'empty.test': {},
    });
    assert.deepEqual(
      entries.map(({ pattern, credential: { source: _, ...rest } }) => [pattern, rest]),
      [
        ['a.test', { username: 'me', password: 'secret' }],
        ['b.test', { username: 'me', password: '', identityToken: 'token' }],
        ['c.test', { username: 'me', password: 'x' }],
      ],
    );
  });

  for (const [server, pattern] of Object.entries({
    'https://index.docker.io/v1/': 'index.docker.io',
    'http://registry.test:5000': 'registry.test:5000',
    'registry.test/': 'registry.test',
    'https://registry.test/v2/team': 'registry.test/team',
    'registry.test/v2x/team': 'registry.test/v2x/team',
  })) {
    test(`${server} means ${pattern}`, () => {
      assert.equal(parse({ [server]: { username: 'me', password: 'x' } })[0]?.pattern, pattern);
    });
  }

  for (const text of ['{"auths": {"a": "s3cret', 'null', '{"auths": {"a": null}}']) {
    test(`${text} is rejected, and not quoted`, () => {
      assert.throws(() => parseDockerConfig(text, 'pull secret a/b'), {
        message: 'pull secret a/b is not a Docker configuration',
      });
    });
  }
});

describe('matching, like in the kubelet', () => {
  for (const [pattern, image, expected] of [
    ['registry.test', 'registry.test/team/app', true],
    ['registry.test', 'registry.test:5000/team/app', false],
    ['registry.test:5000', 'registry.test:5000/team/app', true],
    ['*.test', 'registry.test/app', true],
    ['*.test', 'a.registry.test/app', false],
    ['reg*.t?st', 'registry.test/app', true],
    ['*', 'registry.test/app', false],
    ['registry.test/team', 'registry.test/team/app', true],
    ['registry.test/te', 'registry.test/team/app', true],
    ['registry.test/other', 'registry.test/team/app', false],
    ['registry+test', 'registry+test/app', true],
    ['registryxtest', 'registry.test/app', false],
    ['r*y.t*t', 'registry.test/app', true],
    ['*y', 'registry/app', true],
    ['r**y*', 'registry/app', true],
    ['*?registry', 'registry/app', false],
    ['registry?', 'registry/app', false],
  ] as const) {
    test(`${pattern} ${expected ? 'covers' : 'does not cover'} ${image}`, () => {
      assert.equal(matchesImage(pattern, image), expected);
    });
  }

  test('wildcards as in a regular expression', () => {
    const text = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 12 });
    const agree = (glob: string, label: string): void => {
      const expression = new RegExp(`^${glob.replace(/\*/g, '.*').replace(/\?/g, '.')}$`);
      assert.equal(matchesImage(`${glob}/`, `${label}/`), expression.test(label));
    };
    fc.assert(fc.property(text('ab*?'), text('ab'), agree), { numRuns: RUNS });
  });

  test('a hostile pattern does not keep us', () => {
    for (let round = 0; round < 1000; round += 1) {
      assert.ok(!matchesImage('*a*a*a*a*a*a*ab', 'a'.repeat(10_000)));
      assert.ok(!matchesImage(`${'*a'.repeat(30)}b`, `${'a'.repeat(10_000)}/app`));
    }
  });

  const sources = (patterns: string[], image: string) =>
    matchingCredentials(
      patterns.map((pattern, index) => ({ pattern, credential: { source: `${index}`, username: '', password: '' } })),
      image,
    ).map(({ source }) => source);

  test('the longest path first, otherwise in order', () => {
    assert.deepEqual(sources(['r.test', 'r.test/team', 'other.test', 'r.test'], 'r.test/team/app'), ['1', '0', '3']);
  });
  test('Docker Hub has two names', () => {
    assert.deepEqual(sources(['index.docker.io'], 'docker.io/library/nginx'), ['0']);
    assert.deepEqual(sources(['index.docker.io', 'docker.io'], 'docker.io/library/nginx'), ['1']);
  });
});

test('whatever is in a configuration, its logins are texts', (t) => {
  const login = { auth: auth('u', 'p'), username: 'u', password: 'p', identitytoken: 't' };
  const valid = { auths: { 'https://r.test/v1/': login, '*.test': login, 'r.test:5000/team': login }, other: { a: 1 } };
  const check = (config: unknown) => {
    for (const { pattern, credential } of parseDockerConfig(JSON.stringify(config), 'here')) {
      for (const text of [pattern, ...Object.values(credential)]) assert.equal(typeof text, 'string');
      matchesImage(pattern, 'r.test/team/app');
    }
  };
  fuzz(t, valid, check, (error) => (error as Error).message === 'here is not a Docker configuration');
});
