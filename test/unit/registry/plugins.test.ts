import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePluginAnswer, parsePlugins } from '../../../src/registry/plugins.ts';

describe('credential provider plugins', () => {
  const plugin = { name: 'ecr', apiVersion: 'v1', matchImages: ['*.test'], defaultCacheDuration: '12h' };

  test('their configuration', () => {
    const yaml = 'kind: CredentialProviderConfig\nproviders:\n- {name: ecr, apiVersion: v1, matchImages: ["*.test"]}\n';
    assert.deepEqual(parsePlugins(yaml, '/file'), [{ name: 'ecr', apiVersion: 'v1', matchImages: ['*.test'] }]);
    assert.equal(parsePlugins(JSON.stringify({ providers: [plugin] }), '/file')[0]?.defaultCacheDuration, '12h');
    for (const text of ['', 'kind: Other', 'providers: [{name: ../sh, matchImages: [a]}]', '{']) {
      assert.throws(() => parsePlugins(text, '/file'), {
        message: '/file on the node is not a CredentialProviderConfig',
      });
    }
  });

  test('the scope and lifetime of their response', () => {
    const answer = (more: object) =>
      parsePluginAnswer(JSON.stringify({ auth: {}, ...more }), plugin, 'r.test/team/app');
    assert.equal(answer({ cacheKeyType: 'Image' }).scope, 'r.test/team/app');
    assert.equal(answer({ cacheKeyType: 'Registry' }).scope, 'r.test');
    assert.equal(answer({ cacheKeyType: 'Global' }).scope, '');
    assert.equal(answer({ cacheKeyType: 'Global' }).lifetime, 12 * 3_600_000);
    assert.equal(answer({ cacheKeyType: 'Global', cacheDuration: '1m30s' }).lifetime, 90_000);
    assert.equal(answer({ cacheKeyType: 'Global', cacheDuration: '0s' }).lifetime, 0);
    const message = 'credential provider ecr did not return credentials';
    assert.throws(() => answer({ cacheKeyType: 'Other' }), { message });
    assert.throws(() => parsePluginAnswer('s3cret', plugin, 'r.test/app'), { message });
  });

  test('the credentials in their response', () => {
    const auth = { 'r.test': { username: 'AWS', password: 'x' } };
    const { entries } = parsePluginAnswer(JSON.stringify({ auth, cacheKeyType: 'Registry' }), plugin, 'r.test/app');
    const credential = { source: 'credential provider ecr', username: 'AWS', password: 'x' };
    assert.deepEqual(entries, [{ pattern: 'r.test', credential }]);
  });
});
