import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stringify } from 'smol-toml';
import {
  folderNames,
  hostsWithoutFolders,
  parseHosts,
  registryItself,
  tlsOfFiles,
} from '../../../src/registry/hosts.ts';
import { fuzz } from '../../harness/fuzz.ts';

const FOLDER = '/etc/containerd/certs.d/registry.test';
const parse = (text: string, registry = 'registry.test') => parseHosts(text, FOLDER, registry);
const urls = (text: string, registry?: string) => parse(text, registry).map(({ url }) => url);

test('folder names in certs.d', () => {
  assert.deepEqual(folderNames('registry.test:5000'), ['registry.test_5000_', 'registry.test:5000', '_default']);
  assert.deepEqual(folderNames('docker.io'), ['docker.io', '_default']);
});

describe('the URL of a registry without hosts.toml', () => {
  for (const [registry, url] of Object.entries({
    'docker.io': 'https://registry-1.docker.io/v2',
    'registry.test': 'https://registry.test/v2',
    'registry.test:5000': 'https://registry.test:5000/v2',
    'localhost:5000': 'http://localhost:5000/v2',
    'localhost:443': 'https://localhost:443/v2',
    localhost: 'https://localhost/v2',
    '127.0.0.1:5000': 'http://127.0.0.1:5000/v2',
    '[::1]:5000': 'http://[::1]:5000/v2',
    'localhost.example.com:5000': 'https://localhost.example.com:5000/v2',
  })) {
    test(registry, () => assert.equal(registryItself(registry).url, url));
  }

  for (const registry of ['999.999.999.999', 'registry.test:99999']) {
    test(`${registry} has none`, () => {
      assert.throws(() => registryItself(registry), { message: `${registry} is not an address of a registry` });
    });
  }

  test('a loopback registry with configured TLS', () => {
    const { url, tls } = registryItself('127.0.0.1:5000', { ca: ['/ca.crt'], client: [] });
    assert.deepEqual([url, tls.skipVerify], ['https://127.0.0.1:5000/v2', true]);
  });
});

describe('hosts.toml', () => {
  test('hosts keep their order, and the registry itself comes last', () => {
    const text = `[host."https://b.test"]\n[host."https://b.test".header]\nx = "y"\n[host."a.test:5000"]\n`;
    assert.deepEqual(urls(text, 'docker.io'), [
      'https://b.test/v2',
      'https://a.test:5000/v2',
      'https://registry-1.docker.io/v2',
    ]);
  });

  test('server replaces the registry itself', () => {
    assert.deepEqual(urls('server = "https://upstream.test"\n'), ['https://upstream.test/v2']);
  });

  for (const [host, rest, url] of [
    ['http://m.test/', '', 'http://m.test/v2'],
    ['https://m.test/cache', '', 'https://m.test/cache/v2'],
    ['https://m.test/v2/cache', 'override_path = true', 'https://m.test/v2/cache'],
    ['https://m.test/v2/', '', 'https://m.test/v2'],
    ['https://m.test', 'override_path = true', 'https://m.test'],
  ] as const) {
    test(`${host} ${rest}`, () => assert.equal(urls(`[host."${host}"]\n${rest}\n`)[0], url));
  }

  test('capabilities', () => {
    const hosts = parse(
      `[host."a.test"]\ncapabilities = ["pull"]\n[host."b.test"]\ncapabilities = ["Resolve", "push"]\n`,
    );
    assert.deepEqual(
      hosts.map(({ pulls, resolves }) => [pulls, resolves]),
      [
        [true, false],
        [false, true],
        [true, true],
      ],
    );
  });

  test('TLS', () => {
    const tls = (text: string) => parse(`[host."a.test"]\n${text}\n`)[0]?.tls;
    assert.deepEqual(tls('ca = "ca.pem"\nskip_verify = true'), {
      ca: [`${FOLDER}/ca.pem`],
      client: [],
      skipVerify: true,
    });
    assert.deepEqual(tls('ca = ["/a.pem", "b.pem"]')?.ca, ['/a.pem', `${FOLDER}/b.pem`]);
    const both = { certificate: '/both.pem', key: '/both.pem' };
    assert.deepEqual(tls('client = "/both.pem"')?.client, [both]);
    assert.deepEqual(tls('client = ["/both.pem"]')?.client, [both]);
    assert.deepEqual(tls('client = [["/c.pem", "k.pem"]]')?.client, [
      { certificate: '/c.pem', key: `${FOLDER}/k.pem` },
    ]);
  });

  test('TLS for a registry that is not specified as server', () => {
    assert.deepEqual(
      parse('ca = "ca.pem"\n')[0],
      registryItself('registry.test', { ca: [`${FOLDER}/ca.pem`], client: [] }),
    );
  });

  test('headers', () => {
    const [host] = parse(`[host."a.test".header]\nX-One = "1"\nx-more = ["2", "3"]\n`);
    assert.deepEqual(host?.headers, { 'x-one': ['1'], 'x-more': ['2', '3'] });
  });

  for (const text of [
    'server = ',
    '[host."a.test"]\nca = 5\n',
    '[host."a.test".header]\nx = 1\n',
    'server = "https://a b"',
    'server = 5',
    'server = true',
    '[host."a b"]',
    '[host]\nx = "y"',
    'host = "x"',
    'capabilities = "pull"',
    'capabilities = ["pull", "eat"]',
    'skip_verify = "yes"',
    'override_path = 1',
    'client = [["only-one.pem"]]',
    'client = [["a", "b", "c"]]',
    'client = [5]',
    'header = ["x"]',
    '[header]\nx = [1]\n',
  ]) {
    test(`${JSON.stringify(text)} is not valid`, () => assert.throws(() => parse(text)));
  }
});

test('what containerd does not know in hosts.toml is ignored', () => {
  const text = 'new_key = [1, { a = 2 }]\n[host."a.test"]\ndial_timeout = "3s"\n[host."a.test".more]\nx = 1\n';
  assert.deepEqual(parse(text), parse('[host."a.test"]\n'));
});

test('whatever is in hosts.toml, its hosts have URLs, its files have paths and its headers are texts', (t) => {
  const settings = {
    ...{ capabilities: ['pull', 'resolve'], ca: ['/ca.pem', 'b.pem'], client: [['c.pem', 'k.pem'], 'both.pem'] },
    ...{ skip_verify: true, header: { 'x-one': '1', 'x-more': ['2', '3'] }, override_path: true },
  };
  const host = { 'https://a.test/cache': settings, 'b.test:5000': { ...settings, ca: 'ca.pem', client: 'c.pem' } };
  const check = (file: unknown) => {
    for (const { url, server, headers, tls, pulls, resolves } of parse(toToml(file))) {
      assert.match(new URL(url).protocol, /^https?:$/);
      assert.equal(new URL(url).host, server);
      for (const value of Object.values(headers).flat()) assert.equal(typeof value, 'string');
      for (const path of [...tls.ca, ...tls.client.flatMap(Object.values)]) assert.match(path, /^\//);
      for (const flag of [pulls, resolves, tls.skipVerify ?? true]) assert.equal(typeof flag, 'boolean');
    }
  };
  fuzz(t, { server: 'https://up.test', ...settings, host, other: { a: 1 } }, check);
});

/** A file without settings if TOML cannot express `file`. */
const toToml = (file: unknown): string => {
  try {
    return stringify(file);
  } catch {
    return '';
  }
};

test('certificate files in Docker’s layout', () => {
  assert.deepEqual(tlsOfFiles(['a.crt', 'b.cert', 'b.key', 'c.cert', 'note.txt'], '/certs'), {
    ca: ['/certs/a.crt'],
    client: [
      { certificate: '/certs/b.cert', key: '/certs/b.key' },
      { certificate: '/certs/c.cert', key: '/certs/c.cert' },
    ],
  });
});

describe("mirrors in containerd's own configuration", () => {
  const mirrors = {
    'docker.io': ['https://m.test', 'n.test/v2/cache/', 'localhost:5000', 'http://', 'http://o.test:80'],
    'own.test': ['http://own.test', 'https://m.test'],
    '*': ['https://any.test/v2'],
  };
  const servers = { 'm.test': { tls: { insecure_skip_verify: true, ca_file: '/ca', cert_file: '', key_file: '' } } };
  const hosts = (registry: string) => hostsWithoutFolders(registry, { certsFolders: [], mirrors, servers });

  test('are asked in their order, the registry itself last', () => {
    assert.deepEqual(
      hosts('docker.io').map(({ url }) => url),
      [
        'https://m.test/v2',
        'https://n.test/v2/cache',
        'http://localhost:5000/v2',
        'http://o.test/v2',
        'https://registry-1.docker.io/v2',
      ],
    );
  });
  test('can contain the registry itself', () => {
    assert.deepEqual(
      hosts('own.test').map(({ url }) => url),
      ['http://own.test/v2', 'https://m.test/v2'],
    );
  });
  test('can be for all other registries', () => {
    assert.deepEqual(
      hosts('other.test').map(({ url }) => url),
      ['https://any.test/v2', 'https://other.test/v2'],
    );
  });
  test('have the TLS settings of their servers', () => {
    assert.deepEqual(hosts('docker.io')[0]?.tls, { ca: ['/ca'], client: [], skipVerify: true });
    assert.deepEqual(hosts('docker.io')[1]?.tls, { ca: [], client: [] });
    assert.deepEqual(hosts('m.test').at(-1)?.tls, { ca: ['/ca'], client: [], skipVerify: true });
  });
});
