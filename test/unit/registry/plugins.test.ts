import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePluginAnswer, parsePlugins } from '../../../src/registry/plugins.ts';
import { fuzz } from '../../harness/fuzz.ts';

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

test('whatever a configuration of plugins has, no name leaves their folder', (t) => {
  const plugin = {
    name: 'ecr',
    apiVersion: 'v1',
    matchImages: ['*.test'],
    args: ['a'],
    env: [{ name: 'A', value: 'b' }],
  };
  const check = (config: unknown) => {
    for (const { name, args = [] } of parsePlugins(JSON.stringify(config), 'file')) {
      assert.ok(!name.includes('/') && !['', '.', '..'].includes(name), name);
      for (const text of args) assert.equal(typeof text, 'string');
    }
  };
  const valid = { kind: 'CredentialProviderConfig', providers: [plugin, { ...plugin, tokenAttributes: {} }] };
  fuzz(t, valid, check, (error) => (error as Error).message === 'file on the node is not a CredentialProviderConfig');
});

test('whatever a plugin answers, its logins are texts', (t) => {
  const plugin = { name: 'ecr', apiVersion: 'v1', matchImages: ['*.test'] };
  const valid = {
    ...{ kind: 'CredentialProviderResponse', apiVersion: 'v1', cacheKeyType: 'Registry', cacheDuration: '1h' },
    auth: { 'r.test': { username: 'AWS', password: 'x' }, '*.r.test': { username: 'AWS', password: 'x' } },
  };
  const check = (answer: unknown) => {
    const { entries, lifetime } = parsePluginAnswer(JSON.stringify(answer), plugin, 'r.test/app');
    assert.ok(lifetime >= 0);
    for (const { credential } of entries) assert.equal(typeof credential.password, 'string');
  };
  fuzz(t, valid, check, (error) => (error as Error).message === 'credential provider ecr did not return credentials');
});
