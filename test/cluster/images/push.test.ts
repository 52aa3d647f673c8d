import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { content, empty } from './odd-layers.ts';
import { pushImages } from './push.ts';
import type { SampleImage } from './sample-image.ts';

const folder = mkdtempSync(join(tmpdir(), 'push-test-'));
const cache = join(folder, 'cache');
const layers = [content('first'), empty, content('first')];
const images: SampleImage[] = [
  { names: ['web:1', 'web:latest', 'mirror/web:1'], layers },
  { names: ['by-digest'], layers: [...layers, content('second')] },
  { names: ['docker:1'], layers, format: 'docker' },
  { names: ['index:1'], layers, absent: [{ os: 'linux', architecture: 'arm', variant: 'v7' }] },
];
let server: ChildProcess;
let registry: string;
let references: string[];

const skopeo = (...args: string[]): string => {
  return execFileSync('skopeo', args, { encoding: 'utf8' });
};

const get = (path: string): Promise<Response> => {
  const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
  return fetch(`http://${registry}/v2/sample/${path}`, { headers: { accept } });
};

const startRegistry = async (): Promise<[ChildProcess, string]> => {
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: join(folder, 'registry') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0' },
  };
  const path = join(folder, 'registry.json');
  writeFileSync(path, JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  for await (const line of createInterface({ input: child.stderr })) {
    const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (address) {
      child.stderr.resume();
      return [child, address];
    }
  }
  throw new Error('docker-registry ended before it listened');
};

before(async () => {
  [server, registry] = await startRegistry();
  for (const _ of ['empty', 'filled']) references = await pushImages(images, { registry, cache, log: () => {} });
});

after(async () => {
  server.kill();
  await once(server, 'exit');
  rmSync(folder, { recursive: true });
});

test('skopeo can copy every reference from the registry', () => {
  const names = ['web:1', 'web:latest', 'mirror/web:1', 'by-digest@sha256:X', 'docker:1', 'index:1'];
  assert.deepEqual(
    references.map((reference) => reference.replace(/sha256:.*/, 'sha256:X')),
    names.map((name) => `${registry}/sample/${name}`),
  );
  for (const [position, reference] of references.entries()) {
    skopeo('copy', '--src-tls-verify=false', `docker://${reference}`, `dir:${join(folder, `copy-${position}`)}`);
  }
});

test('names of one image share its digest', async () => {
  const digests = await Promise.all(
    ['web/manifests/1', 'web/manifests/latest', 'mirror/web/manifests/1'].map(
      async (path) => (await get(path)).headers.get('docker-content-digest') ?? path,
    ),
  );
  assert.equal(new Set(digests).size, 1);
});

test('the index is in the registry, but only its manifest for this platform', async () => {
  const index = await get('index/manifests/1');
  assert.equal(index.headers.get('content-type'), 'application/vnd.oci.image.index.v1+json');
  const { manifests } = (await index.json()) as { manifests: { digest: string; platform: { architecture: string } }[] };
  const found = manifests.map(async ({ digest, platform }) => [
    platform.architecture,
    (await get(`index/manifests/${digest}`)).status,
  ]);
  assert.deepEqual(await Promise.all(found), [
    ['amd64', 200],
    ['arm', 404],
    ['unknown', 404],
  ]);
});

test('the cache is an OCI layout that skopeo reads by name', () => {
  const { Name: _, ...copied } = JSON.parse(skopeo('inspect', `oci:${cache}:sample/web:1`));
  assert.equal(copied.Layers.length, 3);
  assert.equal(copied.Layers[0], copied.Layers[2]);
  assert.equal(copied.Architecture, 'amd64');
});
