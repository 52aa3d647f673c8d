import assert from 'node:assert/strict';
import { delimiter, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { mergeKubeconfigs, parseKubeconfig } from '../../../src/cluster/kubeconfig.ts';
import { kubeconfigPaths } from '../../../src/cluster/kubeconfig-files.ts';

const parse = (config: object, path = '/a/config') => parseKubeconfig(JSON.stringify(config), path);

describe('merging', () => {
  const first = parse({
    'current-context': '',
    clusters: [{ name: 'shared', cluster: { server: 'https://first' } }],
    users: [{ name: 'first', user: { token: '1' } }],
  });
  const second = parse({
    'current-context': 'second',
    clusters: [
      { name: 'shared', cluster: { server: 'https://second', 'tls-server-name': 'second' } },
      { name: 'own', cluster: { server: 'https://own' } },
    ],
    contexts: [{ name: 'second', context: { cluster: 'shared' } }],
  });
  const third = parse({ 'current-context': 'third', contexts: [{ name: 'second', context: { namespace: 'third' } }] });
  const merged = mergeKubeconfigs([first, second, third]);

  test('takes the first current context that is set', () => assert.equal(merged.currentContext, 'second'));

  test('takes the whole first entry for each name', () => {
    assert.deepEqual(merged.clusters.get('shared'), first.clusters.get('shared'));
    assert.deepEqual(merged.contexts.get('second'), { cluster: 'shared' });
  });

  test('keeps entries that only one file has', () => {
    assert.deepEqual([...merged.clusters.keys()].sort(), ['own', 'shared']);
    assert.deepEqual([...merged.users.keys()], ['first']);
  });

  test('of no files or empty files is empty', () => {
    const empty = { currentContext: '', clusters: new Map(), users: new Map(), contexts: new Map() };
    assert.deepEqual(mergeKubeconfigs([]), empty);
    for (const text of ['', '# comment', 'clusters: null\ncurrent-context:']) {
      assert.deepEqual(parseKubeconfig(text, '/a/config'), empty);
    }
  });
});

describe('paths are relative to the file', () => {
  const user = (fields: object, path?: string) => parse({ users: [{ name: 'u', user: fields }] }, path).users.get('u');

  test('of certificates, keys and tokens', () => {
    const cluster = { server: 'https://s', 'certificate-authority': '../ca' };
    const { clusters } = parse({ clusters: [{ name: 'c', cluster }] });
    assert.partialDeepStrictEqual(clusters.get('c'), { server: 'https://s', 'certificate-authority': '/ca' });
    assert.partialDeepStrictEqual(user({ 'client-certificate': 'crt', 'client-key': './key', tokenFile: '/b/token' }), {
      'client-certificate': '/a/crt',
      'client-key': '/a/key',
      tokenFile: '/b/token',
    });
  });

  test('of a command, unless it is on the PATH', () => {
    const run = (command: string, path?: string) => user({ exec: { command, args: ['x'] } }, path)?.exec;
    assert.deepEqual(run('bin/login'), { command: '/a/bin/login', args: ['x'] });
    assert.deepEqual(run('login'), { command: 'login', args: ['x'] });
    assert.deepEqual(run('./login', 'config'), { command: resolve('login'), args: ['x'] });
  });

  test('but an empty path stays empty', () => assert.equal(user({ 'client-key': '' })?.['client-key'], ''));
});

describe('an invalid file', () => {
  const cases: [string, RegExp][] = [
    ['users: [', /^unexpected end of the stream within a flow collection in line 1$/],
    ['token: secret\n\tx: 1', /^(?!.*secret).* in line \d$/],
    ['hello', /^the document is not a mapping$/],
    ['clusters: {}', /^clusters is not a list$/],
    ['clusters: [x]', /^an entry of clusters is not a mapping$/],
    ['users: [{name: 1}]', /^a name in users is not a string$/],
    ['users: [{name: jane, user: x}]', /^user "jane" is not a mapping$/],
    ['contexts: [{name: a}, {name: a}]', /^two contexts have the name "a"$/],
    ['current-context: 7', /^current-context is not a string$/],
  ];
  for (const [text, message] of cases) {
    test(JSON.stringify(text), () => assert.throws(() => parseKubeconfig(text, '/a/config'), { message }));
  }
});

describe('the files that are read', () => {
  const cases: [string, Parameters<typeof kubeconfigPaths>[0], string[]][] = [
    [
      'those in KUBECONFIG, each once',
      { KUBECONFIG: ['', 'b', 'a', '', 'b'].join(delimiter), HOME: '/home' },
      ['b', 'a'],
    ],
    ['none if KUBECONFIG has only empty entries', { KUBECONFIG: delimiter, HOME: '/home' }, []],
    ['the default if KUBECONFIG is empty', { KUBECONFIG: '', HOME: '/home' }, ['/home/.kube/config']],
    ['the default if KUBECONFIG is not set', { HOME: '/home' }, ['/home/.kube/config']],
    ['none without a home folder', {}, []],
  ];
  for (const [title, environment, paths] of cases) {
    test(title, () => assert.deepEqual(kubeconfigPaths(environment), paths));
  }
});
