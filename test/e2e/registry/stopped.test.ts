import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { digestOf } from '../../../src/model/oci.ts';
import { createRegistryClient, type RegistryClient } from '../../../src/registry/client.ts';
import { until } from '../../cluster/machine/until.ts';
import { pushImage } from './image.ts';
import { type Behaviour, slowly, startProxy, status } from './proxy-server.ts';
import { startRegistry } from './server.ts';

const SIZE = 1_000_000;
const TIMEOUT = { timeout: 10_000 }; // less than any patience of the client

const folder = await mkdtemp(join(tmpdir(), 'preload-stopped-'));
const registry = await startRegistry(folder, 'registry');
const proxy = await startProxy(registry.address);
const image = await pushImage(registry.address, 'team/app', folder, SIZE);
const IMAGE = { source: { domain: proxy.address, path: 'team/app', tag: '1' }, namespaces: [] };

after(async () => {
  await proxy.stop();
  await registry.stop();
  await rm(folder, { recursive: true });
});

const withClient = async (use: (client: RegistryClient) => Promise<void>): Promise<void> => {
  const client = await createRegistryClient({ root: folder, pullSecrets: [], report: assert.fail });
  await use(client).finally(() => client.close());
};

const nothing: Behaviour = () => {};
const onlyHead =
  (code: number, headers: Record<string, string> = {}): Behaviour =>
  (_question, answer) => {
    answer.writeHead(code, { 'content-length': 1000, ...headers }).flushHeaders();
  };
const challenge = status(401, { 'www-authenticate': `Bearer realm="http://${proxy.address}/token"` });
/** How a server holds up a fetch: by its answer to each request in turn. */
const HOLDS: Record<string, Behaviour[]> = {
  'an answer': [nothing],
  'the rest of a body': [onlyHead(200)],
  'a token': [challenge, nothing],
  'the rest of a token': [challenge, onlyHead(200)],
  'the target of a redirect': [status(307, { location: '/elsewhere' }), nothing],
  'the body of a redirect': [onlyHead(307, { location: '/elsewhere' })],
  'the body of a refusal': [onlyHead(401)],
  'the next try': [status(503, { 'retry-after': '100' })],
};

describe('a fetch that is stopped does not wait for', () => {
  for (const [what, answers] of Object.entries(HOLDS)) {
    test(what, TIMEOUT, async () => {
      proxy.behave((...args) => answers[proxy.requests.length - 1]?.(...args));
      await withClient(async (client) => {
        const stop = new AbortController();
        const fetched = assert.rejects(client.fetchManifest(IMAGE, stop.signal), /stopped/);
        await until('the server to hold it up', () => proxy.requests.length === answers.length);
        stop.abort(new Error('stopped'));
        await fetched;
        proxy.behave((_question, _answer, pass) => pass());
        const { digest } = await client.fetchManifest(IMAGE, new AbortController().signal);
        assert.equal(digest, image.index.descriptor.digest, 'and the client can still be used');
      });
    });
  }
});

test('a fetch that is stopped does not disturb others of the same server, or of the same blob', TIMEOUT, async () => {
  proxy.behave(slowly(50_000, 20));
  await withClient(async (client) => {
    const stop = new AbortController();
    const never = new AbortController();
    let arrived = 0;
    const fetchTo = (name: string, { signal }: AbortController) => {
      const onBytes = (bytes: number) => {
        arrived += bytes;
      };
      return client.fetchBlob(IMAGE, image.layer, { file: join(folder, name), onBytes }, signal);
    };
    const stopped = ['a', 'b'].map((name) => assert.rejects(fetchTo(name, stop), /stopped/));
    const others = ['c', 'd'].map((name) => fetchTo(name, never));
    await until('data to arrive', () => arrived > SIZE);
    stop.abort(new Error('stopped'));
    await Promise.all([...stopped, ...others]);
    assert.equal(proxy.requests.length, 4, 'nobody asks again');
    for (const name of ['c', 'd']) {
      assert.equal(digestOf(await readFile(join(folder, name))), image.layer.digest);
    }
  });
});
