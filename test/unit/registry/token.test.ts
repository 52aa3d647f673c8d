import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseChallenge } from '../../../src/registry/token.ts';

describe('a challenge', () => {
  const realm = 'https://auth.test/token';
  for (const [header, expected] of [
    ['Basic realm="Registry"', { scheme: 'basic' }],
    [`Bearer realm="${realm}"`, { scheme: 'bearer', realm }],
    [
      `Bearer realm="${realm}",service="registry.test",scope="repository:a/b:pull,push"`,
      { scheme: 'bearer', realm, service: 'registry.test', scope: 'repository:a/b:pull,push' },
    ],
    [`bearer Realm="${realm}" , service=registry.test`, { scheme: 'bearer', realm, service: 'registry.test' }],
    [`Basic realm="a, b", Bearer realm="${realm}"`, { scheme: 'bearer', realm }],
    [
      `Bearer realm="${realm}",error="invalid_token",error_description="say \\"hi\\", Basic"`,
      { scheme: 'bearer', realm },
    ],
    ['Negotiate', undefined],
    ['Bearer service="registry.test"', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    test(`${header}`, () => assert.deepEqual(parseChallenge(header), expected));
  }
  test('in several headers', () => {
    assert.deepEqual(parseChallenge(['Basic realm="x"', `Bearer realm="${realm}"`]), { scheme: 'bearer', realm });
  });
});
