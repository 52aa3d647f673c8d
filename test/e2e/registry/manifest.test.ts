import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Document } from '../../../src/model/oci.ts';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { PATIENCE } from '../../../src/registry/persist.ts';
import { pushImage } from './image.ts';
import { type Behaviour, first, startProxy, status } from './proxy-server.ts';
import { startRegistry } from './server.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-manifests-'));
const registry = await startRegistry(folder, 'registry');
const proxy = await startProxy(registry.address);
const image = await pushImage(registry.address, 'team/app', folder, 1000);

after(async () => {
  await proxy.stop();
  await registry.stop();
  await rm(folder, { recursive: true });
});

const fetchManifest = async (behaviour: Behaviour): Promise<Document> => {
  proxy.behave(behaviour);
  const patience = { ...PATIENCE, connect: 2000, idle: 2000, backoff: 10, longestWait: 1000, tries: 3 };
  const client = await createRegistryClient({
    root: join(folder, 'node'),
    pullSecrets: [],
    report: assert.fail,
    patience,
  });
  const source = { domain: proxy.address, path: 'team/app', tag: '1' };
  const { signal } = new AbortController();
  return client.fetchManifest({ source, namespaces: [] }, signal).finally(() => client.close());
};

const cut = (data: Buffer) => data.subarray(0, 100);
const withoutDigest =
  (alter: (data: Buffer) => Buffer): Behaviour =>
  async (question, answer) => {
    const real = await fetch(`http://${registry.address}${question.url}`, {
      headers: { accept: `${question.headers.accept}` },
    });
    answer.end(alter(Buffer.from(await real.arrayBuffer())));
  };

for (const [name, behaviour] of Object.entries<Behaviour>({
  truncated: (_question, _answer, pass) => pass(cut),
  'truncated, from a server that sends no digest': withoutDigest(cut),
  'refused once': status(503),
  interrupted: (_question, answer) => answer.socket?.resetAndDestroy(),
})) {
  test(name, async () => {
    const manifest = await fetchManifest(first(1, behaviour));
    assert.equal(manifest.digest, image.index.descriptor.digest);
    assert.equal(proxy.requests.length, 2);
  });
}

test('a manifest that is always truncated is an error', async () => {
  await assert.rejects(
    fetchManifest((_question, _answer, pass) => pass(cut)),
    /content that does not match sha256:/,
  );
});
