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
    ['Negotiate abc==', undefined],
    ['Basic', { scheme: 'basic' }],
    [`Negotiate abc==, Bearer realm="${realm}", Basic`, { scheme: 'bearer', realm }],
    ['Bearer realm="https://auth.test', undefined],
    ['Bearer service="registry.test"', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    test(`${header}`, () => assert.deepEqual(parseChallenge(header), expected));
  }
  for (const [what, header] of Object.entries({
    'a long word': 'a'.repeat(16_000),
    'many words': 'a '.repeat(8000),
    'many spaces': `a${' '.repeat(16_000)}`,
    'many equals signs': 'a='.repeat(8000),
    'open quotes': 'a="\\"'.repeat(3000),
    'an open quote of backslashes': `a="${'\\'.repeat(16_000)}`,
    'parameters without an end': `Bearer ${'a=b   '.repeat(2500)}"`,
  })) {
    test(`of ${what} does not keep us`, () => {
      for (let round = 0; round < 300; round += 1) assert.equal(parseChallenge(header)?.scheme, undefined);
    });
  }
  test('in several headers', () => {
    assert.deepEqual(parseChallenge(['Basic realm="x"', `Bearer realm="${realm}"`]), { scheme: 'bearer', realm });
  });
});
