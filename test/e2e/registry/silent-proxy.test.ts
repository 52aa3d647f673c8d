import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { PATIENCE } from '../../../src/registry/persist.ts';
import { until } from '../../cluster/machine/until.ts';
import { endlessly, startRawServer } from './raw-server.ts';

const TIMEOUT = { timeout: 10_000 }; // less than any patience but for connections

const folder = await mkdtemp(join(tmpdir(), 'preload-silent-proxy-'));
const silent = await startRawServer(() => {});
const slow = await startRawServer((socket) => {
  socket.write('HTTP/1.1 200 OK\r\nx: ');
  endlessly(socket, 50, () => socket.write('x'));
});
const opensAndStops = await startRawServer((socket, line) => {
  if (line.startsWith('CONNECT')) socket.write('HTTP/1.1 200 OK\r\n\r\n');
});

after(async () => {
  for (const { stop } of [silent, slow, opensAndStops]) await stop();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  for (const { asked } of [silent, slow, opensAndStops]) asked.length = 0;
});

const IMAGE = { source: { domain: 'registry.test', path: 'team/app', tag: '1' }, namespaces: [] };

/** Asks registry.test through a proxy. Expects a failure. */
const askThrough = async (proxy: string, connect: number, signal: AbortSignal, message: RegExp): Promise<void> => {
  const options = { root: folder, environment: { https_proxy: proxy }, pullSecrets: [], report: assert.fail };
  const client = await createRegistryClient({ ...options, patience: { ...PATIENCE, connect, tries: 1 } });
  await assert.rejects(client.fetchManifest(IMAGE, signal), { message }).finally(() => client.close());
};

const { signal: never } = new AbortController();
const LATE = /^registry\.test did not answer in time$/;

describe('an image does not wait longer than a connection may take', () => {
  test('for a proxy that never answers', TIMEOUT, async () => {
    await askThrough(`http://${silent.address}`, 500, never, LATE);
    assert.match(silent.asked[0] ?? '', /^CONNECT registry\.test:443 /);
  });
  test('for a proxy that never finishes its answer', TIMEOUT, () =>
    askThrough(`http://${slow.address}`, 500, never, LATE),
  );
  test('for a proxy with TLS that never greets', TIMEOUT, () =>
    askThrough(`https://localhost:${silent.address.split(':')[1]}`, 500, never, LATE),
  );
  test('for a SOCKS proxy that never greets', TIMEOUT, () =>
    askThrough(`socks5://${silent.address}`, 500, never, LATE),
  );
  test('for a registry behind a proxy that never greets', TIMEOUT, () =>
    askThrough(`http://${opensAndStops.address}`, 500, never, LATE),
  );
});

for (const [name, proxy] of Object.entries({ 'a proxy': silent, 'a TLS handshake': opensAndStops })) {
  test(`a fetch that is stopped does not wait for ${name}`, TIMEOUT, async () => {
    const stop = new AbortController();
    const asked = askThrough(`http://${proxy.address}`, PATIENCE.connect, stop.signal, /stopped/);
    await until('the proxy to be asked', () => proxy.asked.length > 0);
    stop.abort(new Error('stopped'));
    await asked;
  });
}
