import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { request } from 'undici';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { createDispatchers } from '../../../src/registry/dispatchers.ts';
import { NEAR_ADDRESS } from '../../../src/registry/near.ts';
import { PATIENCE } from '../../../src/registry/persist.ts';
import { writeNodeFiles } from './node-folder.ts';
import { startRawServer } from './raw-server.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-near-'));
const root = join(folder, 'node');

/** What the proxy answers, by the beginning of the URL. */
let answers: Record<string, string> = {};
const EMPTY = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
const proxy = await startRawServer((socket, line) => {
  const [, url = ''] = line.split(' ');
  const found = Object.entries(answers).find(([start]) => url.startsWith(start));
  socket.write(found?.[1] ?? EMPTY);
});
const onNode = await startRawServer((socket) => socket.write(EMPTY));

after(async () => {
  await proxy.stop();
  await onNode.stop();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  for (const { asked } of [proxy, onNode]) asked.length = 0;
});

/** Asks registry.test, which is reached through the proxy, for a manifest. Returns why it fails. */
const failure = async (): Promise<string> => {
  await writeNodeFiles(root, {
    'etc/containerd/certs.d/registry.test/hosts.toml': 'server = "http://registry.test"\n',
  });
  const auths = { 'registry.test': { username: 'preload', password: 'open-sesame' } };
  const pullSecrets = [{ namespace: 'a', name: 'regcred', config: JSON.stringify({ auths }) }];
  const source = { domain: 'registry.test', path: 'team/app', tag: '1' };
  const environment = { http_proxy: `http://${proxy.address}` };
  const client = await createRegistryClient({ root, environment, pullSecrets, report: assert.fail });
  const fetched = client.fetchManifest({ source, namespaces: ['a'] }, new AbortController().signal);
  const message = await fetched.then(
    () => '',
    (error: Error) => error.message,
  );
  await client.close();
  return message;
};

const redirect = (location: string): string =>
  `HTTP/1.1 307 Moved\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`;
const challenge = (realm: string): string =>
  `HTTP/1.1 401 No\r\nwww-authenticate: Bearer realm="${realm}"\r\ncontent-length: 0\r\n\r\n`;

const REFUSED = /^registry\.test refers to .+, an address that only the node itself may use$/;

describe('a registry elsewhere cannot make the loader ask', () => {
  for (const address of [
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/latest/meta-data/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'http://[::ffff:169.254.169.254]/latest/meta-data/',
    `http://${onNode.address}/`,
    `http://localhost:${onNode.address.split(':')[1]}/`,
  ]) {
    const asksOnly = (...urls: string[]): void => {
      assert.deepEqual(
        proxy.asked.map((line) => line.split(' ')[1]),
        urls,
      );
      assert.deepEqual(onNode.asked, []);
    };
    const MANIFEST = 'http://registry.test/v2/team/app/manifests/1';

    test(`${address} by a redirect`, async () => {
      answers = { 'http://registry.test/': redirect(address) };
      assert.match(await failure(), REFUSED);
      asksOnly(MANIFEST);
    });
    test(`${address} by a redirect of a server that it redirects to`, async () => {
      answers = { 'http://registry.test/': redirect('http://other.test/x'), 'http://other.test/': redirect(address) };
      assert.match(await failure(), REFUSED);
      asksOnly(MANIFEST, 'http://other.test/x');
    });
    test(`${address} as its token server`, async () => {
      answers = { 'http://registry.test/': challenge(address) };
      assert.match(await failure(), REFUSED);
      asksOnly(MANIFEST);
    });
    test(`${address} by a redirect of its token server`, async () => {
      answers = { 'http://registry.test/': challenge('http://other.test/x'), 'http://other.test/': redirect(address) };
      assert.match(await failure(), REFUSED);
      asksOnly(MANIFEST, 'http://other.test/x?scope=repository%3Ateam%2Fapp%3Apull');
    });
  }
});

test('a registry elsewhere may redirect to other servers elsewhere', async () => {
  answers = { 'http://registry.test/': redirect('http://other.test/x') };
  assert.equal(await failure(), '');
  assert.equal(proxy.asked.length, 2);
});

test('a connection to a server elsewhere is not made if its name resolves to the node', async () => {
  const dispatchers = await createDispatchers(folder, {}, PATIENCE);
  const url = new URL(`http://localhost:${onNode.address.split(':')[1]}`);
  const ask = async (onlyFar: boolean) => {
    const dispatcher = await dispatchers.find(url, { ca: [], client: [] }, onlyFar);
    return (await request(url, { dispatcher })).statusCode;
  };
  assert.equal(await ask(false), 200);
  await assert.rejects(ask(true), { code: NEAR_ADDRESS });
  await dispatchers.close();
});
