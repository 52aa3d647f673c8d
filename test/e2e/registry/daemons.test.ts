import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { daemonsOf } from '../../../src/node/daemons.ts';
import { certificate, createAuthority, issue, privateKey } from '../../cluster/machine/pki.ts';
import { fetchImage } from './fetch-image.ts';
import { pushImage } from './image.ts';
import { whileRunning } from './node-daemon.ts';
import { makeRunnable, writeNodeFiles } from './node-folder.ts';
import { passwordAuth, startRegistry } from './server.ts';

const PASSWORD = 'open-sesame-1b2d';

const folder = await mkdtemp(join(tmpdir(), 'preload-daemons-'));
const registry = await startRegistry(folder, 'open');
const image = await pushImage(registry.address, 'team/app', folder, 1_000_000);
const auth = await passwordAuth(folder, PASSWORD);
const locked = await startRegistry(folder, 'locked', { auth });
const other = await startRegistry(folder, 'other', { auth });

after(async () => {
  for (const { stop } of [registry, locked, other]) await stop();
  await rm(folder, { recursive: true });
});

const fetchFor = (root: string, domain: string, environment = {}): Promise<string[]> =>
  fetchImage(image, domain, { options: { root, environment }, namespaces: ['a'], folder });

test("the kubelet's credential provider plugins", async () => {
  const root = join(folder, 'plugin-node');
  await makeRunnable(root);
  const answer = JSON.stringify({
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    kind: 'CredentialProviderResponse',
    cacheKeyType: 'Registry',
    cacheDuration: '1h0m0s',
    auth: { [locked.address]: { username: 'preload', password: PASSWORD } },
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
  matchImages: ["127.0.0.1:${locked.address.split(':')[1]}"]
  defaultCacheDuration: 1h
  args: [get-credentials]
  env: [{name: PROVIDER_SETTING, value: one}]
- name: broken-provider
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: ["*.0.0.1:${other.address.split(':')[1]}"]
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
    assert.deepEqual(await fetchFor(root, locked.address), []);
    assert.deepEqual(JSON.parse(await read('asked')), {
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderRequest',
      image: `${locked.address}/team/app`,
    });
    assert.equal(await read('arguments'), 'get-credentials\n');
    for (const setting of ['PROVIDER_SETTING=one', 'KUBELET_SETTING=two']) {
      assert.match(await read('environment'), new RegExp(`^${setting}$`, 'm'));
    }
    await assert.rejects(fetchFor(root, other.address), { message: /requires credentials for/ });
  });
  assert.match((await fetchFor(root, registry.address)).join(), /^$/, 'without a kubelet');
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
    const { pathname } = new URL(question.url ?? '');
    const upstream = request(`http://${registry.address}${pathname}`, {
      headers: { ...question.headers, host: registry.address },
    });
    upstream.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    upstream.end();
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
    const { environment } = (await daemonsOf(root, ['containerd']))[0] ?? {};
    await fetchFor(root, 'plain.test', environment);
    assert.equal(asked[0], `${login} GET http://plain.test/v2/team/app/manifests/1`);
    assert.equal(asked.splice(0).length, 4);
    await fetchFor(root, 'secure.test', environment);
    assert.deepEqual(asked.splice(0), [`${login} CONNECT secure.test:443`]);
    await fetchFor(root, registry.address, environment);
    assert.deepEqual(asked, [], 'the loopback interface needs none');
  });
});
