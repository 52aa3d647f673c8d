import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { createRegistryClient } from '../../src/export/registry/client.ts';
import type { PullSecret } from '../../src/export/registry/credentials.ts';
import type { ImageReference } from '../../src/model/image-reference.ts';
import { digestOf } from '../../src/model/oci.ts';
import { certificate, createAuthority, issue, privateKey } from '../cluster/pki.ts';
import { run } from '../cluster/run.ts';
import { pushImage } from './registry/image.ts';
import { makeRunnable, writeNodeFiles } from './registry/node-folder.ts';
import { startProxy } from './registry/proxy-server.ts';
import { startRegistry } from './registry/server.ts';

const PASSWORD = 'open-sesame-1b2d';
const AUTH = Buffer.from(`preload:${PASSWORD}`).toString('base64');
const ACCESS = { namespaces: ['a'] };
const PATIENCE = { connect: 2000, idle: 2000, backoff: 10, longestWait: 1000, tries: 2 };
const { signal } = new AbortController();

const folder = await mkdtemp(join(tmpdir(), 'preload-registry-node-'));
const registry = await startRegistry(folder, 'open');
const image = await pushImage(registry.address, 'team/app', folder, 1_000_000);
await writeNodeFiles(folder, { htpasswd: await run(['htpasswd', '-Bbn', 'preload', PASSWORD]) });
const auth = { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } };
const locked = await startRegistry(folder, 'locked', { auth });
const mirror = await startProxy(registry.address);
const server = await startProxy(locked.address);

after(async () => {
  for (const { stop } of [mirror, server, registry, locked]) await stop();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  for (const proxy of [mirror, server]) proxy.behave((_question, _answer, pass) => pass());
});

const secretFor = (host: string): PullSecret[] => [
  { namespace: 'a', name: 'regcred', config: JSON.stringify({ auths: { [host]: { auth: AUTH } } }) },
];

/** Fetches manifest and layer as the node at `root` would, and returns the warnings. */
const fetchImage = async (root: string, domain: string, pullSecrets: PullSecret[] = []): Promise<string[]> => {
  const warnings: string[] = [];
  const report = (warning: string) => warnings.push(warning);
  const client = await createRegistryClient({ root, pullSecrets, report, patience: PATIENCE });
  const file = join(folder, 'fetched');
  const reference: ImageReference = { domain, path: 'team/app', tag: '1' };
  try {
    await client.fetchManifest(reference, ACCESS, signal);
    await client.fetchBlob(reference, ACCESS, image.layer, file, () => {}, signal);
    assert.equal(digestOf(await readFile(file)), image.layer.digest);
    return warnings;
  } finally {
    await client.close();
    await rm(file, { force: true });
  }
};

const nodeWith = async (name: string, files: Record<string, string>): Promise<string> => {
  const root = join(folder, name);
  await writeNodeFiles(root, files);
  return root;
};

test('a mirror is asked first, by the name of the registry, with its header', async () => {
  const hosts = `server = "http://${server.address}"
[host."http://${mirror.address}"]
  capabilities = ["pull", "resolve"]
  [host."http://${mirror.address}".header]
    x-mirror-key = "key-of-the-mirror"
`;
  const root = await nodeWith('mirrored', { 'etc/containerd/certs.d/registry.test/hosts.toml': hosts });
  await fetchImage(root, 'registry.test');
  assert.equal(mirror.requests.length, 2);
  assert.ok(mirror.requests.every(({ headers }) => headers['x-mirror-key'] === 'key-of-the-mirror'));
  assert.equal(mirror.requests[0]?.url, '/v2/team/app/manifests/1?ns=registry.test');
  assert.equal(server.requests.length, 0);

  for (const code of [404, 503]) {
    mirror.behave((_question, answer) => answer.writeHead(code).end());
    server.behave((_question, _answer, pass) => pass());
    await fetchImage(root, 'registry.test', secretFor('registry.test'));
    assert.equal(mirror.requests.length, 2, `${code} is not asked for again`);
    assert.ok(server.requests.every(({ headers }) => headers['x-mirror-key'] === undefined));
    assert.ok(server.requests.some(({ headers }) => headers.authorization === `Basic ${AUTH}`));
  }
});

test('a mirror without resolve is not asked what a tag means; its path may be any', async () => {
  const hosts = `server = "http://${server.address}"
[host."http://${mirror.address}/v2/cache"]
  capabilities = ["pull"]
  override_path = true
`;
  const root = await nodeWith('pull-only', { 'etc/containerd/certs.d/_default/hosts.toml': hosts });
  mirror.behave((question, _answer, pass) => {
    question.url = question.url?.replace('/cache', '');
    pass();
  });
  await fetchImage(root, 'registry.test', secretFor('registry.test'));
  assert.deepEqual(
    mirror.requests.map(({ url }) => url),
    [`/v2/cache/team/app/blobs/${image.layer.digest}?ns=registry.test`],
  );
});

test('a server that a registry sends us to gets no credentials and no configured header', async () => {
  const hosts = `server = "http://${server.address}"\n[header]\n  x-key = "key-of-the-server"\n`;
  const root = await nodeWith('redirected', { 'etc/containerd/certs.d/registry.test/hosts.toml': hosts });
  server.behave((question, answer, pass) => {
    const isLayer = question.url?.includes(image.layer.digest) && question.headers.authorization;
    if (isLayer)
      answer.writeHead(307, { location: `http://${mirror.address}/v2/team/app/blobs/${image.layer.digest}` }).end();
    else pass();
  });
  await fetchImage(root, 'registry.test', secretFor('registry.test'));
  assert.equal(mirror.requests.length, 1);
  const seen = JSON.stringify(mirror.requests[0]);
  for (const secret of [AUTH, PASSWORD, 'authorization', 'key-of-the-server']) assert.ok(!seen.includes(secret), seen);
  assert.ok(server.requests.every(({ headers }) => headers['x-key'] === 'key-of-the-server'));
});

/** Runs `script` on the node at `root` under `name`, as long as `use` lasts. */
const whileRunning = async (
  root: string,
  name: string,
  { args = [], env = {} }: { args?: string[]; env?: NodeJS.ProcessEnv },
  use: () => Promise<void>,
): Promise<void> => {
  await writeNodeFiles(root, { [`bin/${name}`]: '#!/bin/sh\necho up\nread -r line\n' });
  const daemon = spawn('chroot', [root, `/bin/${name}`, ...args], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(daemon, 'exit');
  try {
    await once(daemon.stdout, 'data');
    await use();
  } finally {
    daemon.stdin.end();
    await gone;
  }
};

test("the kubelet's credential provider plugins", async () => {
  const root = join(folder, 'plugin-node');
  await makeRunnable(root);
  await mkdir(join(root, 'var/lib/kubelet'), { recursive: true });
  const answer = JSON.stringify({
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    kind: 'CredentialProviderResponse',
    cacheKeyType: 'Registry',
    cacheDuration: '1h0m0s',
    auth: { [server.address]: { username: 'preload', password: PASSWORD } },
  });
  const plugin = `#!/bin/sh
cat >>/asked
env >>/environment
echo "$@" >>/arguments
echo '${answer}'
`;
  const config = `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: test-provider
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: ["127.0.0.1:${server.address.split(':')[1]}"]
  defaultCacheDuration: 1h
  args: [get-credentials]
  env: [{name: PROVIDER_SETTING, value: one}]
- name: broken-provider
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: ["*.0.0.1:${mirror.address.split(':')[1]}"]
  defaultCacheDuration: 1h
`;
  await writeNodeFiles(root, {
    'opt/plugins/test-provider': plugin,
    'opt/plugins/broken-provider': `#!/bin/sh\necho ${PASSWORD}\necho ${PASSWORD} >&2\nexit 1\n`,
    'etc/kubelet/providers.yaml': config,
  });
  const args = ['--image-credential-provider-config=/etc/kubelet/providers.yaml'];
  args.push('--image-credential-provider-bin-dir', '/opt/plugins');
  const read = (file: string) => readFile(join(root, file), 'utf8');

  await whileRunning(root, 'kubelet', { args, env: { KUBELET_SETTING: 'two' } }, async () => {
    assert.deepEqual(await fetchImage(root, server.address), []);
    assert.deepEqual(JSON.parse(await read('asked')), {
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderRequest',
      image: `${server.address}/team/app`,
    });
    assert.equal(await read('arguments'), 'get-credentials\n');
    for (const setting of ['PROVIDER_SETTING=one', 'KUBELET_SETTING=two']) {
      assert.match(await read('environment'), new RegExp(`^${setting}$`, 'm'));
    }
    mirror.behave((_question, reply) => reply.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end());
    await assert.rejects(fetchImage(root, mirror.address), { message: /wants credentials for/ });
  });
  assert.match((await fetchImage(root, registry.address)).join(), /^$/, 'without a kubelet');
});

test("the proxies of the node's containerd", async (t) => {
  await createAuthority(folder);
  await issue(folder, { name: 'secure', addresses: ['DNS:secure.test'] });
  const tls = { certificate: certificate(folder, 'secure'), key: privateKey(folder, 'secure') };
  const secure = await startRegistry(folder, 'secure', { tls });
  t.after(secure.stop);
  const root = join(folder, 'proxied-node');
  await makeRunnable(root);
  const asked: string[] = [];
  const note = ({ method, url, headers }: IncomingMessage) =>
    asked.push(`${headers['proxy-authorization']} ${method} ${url}`);
  const proxy = createServer((question, answer) => {
    note(question);
    answer.writeHead(307, { location: `http://${registry.address}${new URL(question.url ?? '').pathname}` }).end();
  });
  proxy.on('connect', (question, socket) => {
    note(question);
    const upstream = connect(Number(secure.address.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [upstream, socket]) end.on('error', () => {});
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  const { port } = proxy.address() as { port: number };
  await writeNodeFiles(root, {
    'etc/containerd/certs.d/plain.test/hosts.toml': 'server = "http://plain.test"\n',
    'etc/containerd/certs.d/secure.test/hosts.toml': 'ca = "ca.pem"\n',
    'etc/containerd/certs.d/secure.test/ca.pem': await readFile(certificate(folder, 'ca'), 'utf8'),
  });
  const address = `http://user:${PASSWORD}@127.0.0.1:${port}`;
  const env = { HTTP_PROXY: address, https_proxy: address, NO_PROXY: '10.0.0.0/8,.internal' };
  const login = `Basic ${Buffer.from(`user:${PASSWORD}`).toString('base64')}`;

  await whileRunning(root, 'containerd', { env }, async () => {
    await fetchImage(root, 'plain.test');
    assert.equal(asked[0], `${login} GET http://plain.test/v2/team/app/manifests/1`);
    assert.equal(asked.splice(0).length, 2);
    await fetchImage(root, 'secure.test');
    assert.deepEqual(asked.splice(0), [`${login} CONNECT secure.test:443`]);
    await fetchImage(root, registry.address);
    assert.deepEqual(asked, [], 'the loopback interface needs none');
  });
});
