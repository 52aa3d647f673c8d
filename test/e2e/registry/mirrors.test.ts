import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import type { RegistrySettings } from '../../../src/node/containerd-config.ts';
import type { PullSecret } from '../../../src/registry/credentials.ts';
import { PATIENCE as DEFAULT } from '../../../src/registry/persist.ts';
import { fetchImage } from './fetch-image.ts';
import { pushImage } from './image.ts';
import { writeNodeFiles } from './node-folder.ts';
import { startProxy } from './proxy-server.ts';
import { passwordAuth, startRegistry } from './server.ts';

const PASSWORD = 'open-sesame-1b2d';
const AUTH = Buffer.from(`preload:${PASSWORD}`).toString('base64');
const PATIENCE = { ...DEFAULT, connect: 2000, idle: 2000, backoff: 10, longestWait: 1000, tries: 2 };

const folder = await mkdtemp(join(tmpdir(), 'preload-mirrors-'));
const registry = await startRegistry(folder, 'open');
const image = await pushImage(registry.address, 'team/app', folder, 1_000_000);
const auth = await passwordAuth(folder, PASSWORD);
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

/** Fetches as the node at `root` would. */
const fetchFor = (root: string, pullSecrets: PullSecret[] = []): Promise<string[]> =>
  fetchImage(image, 'registry.test', { options: { root, pullSecrets, patience: PATIENCE }, namespaces: ['a'], folder });

const nodeWith = async (name: string, files: Record<string, string>): Promise<string> => {
  const root = join(folder, name);
  await writeNodeFiles(root, files);
  return root;
};

test('a mirror is asked first, with the name of the registry and the configured header', async () => {
  const hosts = `server = "http://${server.address}"
[host."http://${mirror.address}"]
  capabilities = ["pull", "resolve"]
  [host."http://${mirror.address}".header]
    x-mirror-key = "key-of-the-mirror"
`;
  const root = await nodeWith('mirrored', { 'etc/containerd/certs.d/registry.test/hosts.toml': hosts });
  await fetchFor(root);
  assert.equal(mirror.requests.length, 4);
  assert.ok(mirror.requests.every(({ headers }) => headers['x-mirror-key'] === 'key-of-the-mirror'));
  assert.equal(mirror.requests[0]?.url, '/v2/team/app/manifests/1?ns=registry.test');
  assert.equal(server.requests.length, 0);

  for (const code of [404, 503]) {
    mirror.behave((_question, answer) => answer.writeHead(code).end());
    server.behave((_question, _answer, pass) => pass());
    await fetchFor(root, secretFor('registry.test'));
    assert.equal(mirror.requests.length, 4, `${code} is not asked for again`);
    assert.ok(server.requests.every(({ headers }) => headers['x-mirror-key'] === undefined));
    assert.ok(server.requests.some(({ headers }) => headers.authorization === `Basic ${AUTH}`));
  }
});

test('a mirror without resolve is not asked to resolve tags, and may have any path', async () => {
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
  await fetchFor(root, secretFor('registry.test'));
  const path = (asked: string) => `/v2/cache/team/app/${asked}?ns=registry.test`;
  assert.deepEqual(
    mirror.requests.map(({ url }) => url),
    [
      path(`manifests/${image.manifest.descriptor.digest}`),
      path(`blobs/${image.config.descriptor.digest}`),
      path(`blobs/${image.layer.digest}`),
    ],
  );
});

test('the target of a redirect gets no credentials and no configured header', async () => {
  const hosts = `server = "http://${server.address}"\n[header]\n  x-key = "key-of-the-server"\n`;
  const root = await nodeWith('redirected', { 'etc/containerd/certs.d/registry.test/hosts.toml': hosts });
  server.behave((question, answer, pass) => {
    const isLayer = question.url?.includes(image.layer.digest) && question.headers.authorization;
    if (isLayer)
      answer.writeHead(307, { location: `http://${mirror.address}/v2/team/app/blobs/${image.layer.digest}` }).end();
    else pass();
  });
  await fetchFor(root, secretFor('registry.test'));
  assert.equal(mirror.requests.length, 1);
  const seen = JSON.stringify(mirror.requests[0]);
  for (const secret of [AUTH, PASSWORD, 'authorization', 'key-of-the-server']) assert.ok(!seen.includes(secret), seen);
  assert.ok(server.requests.every(({ headers }) => headers['x-key'] === 'key-of-the-server'));
});

test("a mirror in containerd's own configuration is asked with the login that it has there", async () => {
  const login = { username: 'preload', password: PASSWORD, auth: '', identitytoken: '' };
  const settings: RegistrySettings = {
    certsFolders: [],
    mirrors: { 'registry.test': [`http://${server.address}`] },
    servers: { [server.address]: { auth: login }, 'registry.test': {} },
  };
  const fetchWith = (changes: Partial<RegistrySettings>) => {
    const options = { root: folder, patience: PATIENCE, settings: { ...settings, ...changes } };
    return fetchImage(image, 'registry.test', { options, namespaces: ['a'], folder });
  };
  assert.deepEqual(await fetchWith({}), []);
  assert.equal(server.requests.at(-1)?.headers.authorization, `Basic ${AUTH}`);
  const wrong = { ...login, password: 'wrong' };
  await assert.rejects(
    fetchWith({ servers: { [server.address]: { auth: wrong } } }),
    /requires|rejected|registry\.test/,
  );
  await assert.rejects(fetchWith({ servers: { 'other.test': { auth: login } } }));
});
