import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { PATIENCE as DEFAULT, type Patience } from '../../../src/registry/persist.ts';
import { pushImage } from './image.ts';
import { endlessly, startRawServer } from './raw-server.ts';
import { startRegistry } from './server.ts';

const PATIENCE: Patience = { ...DEFAULT, connect: 300, idle: 300, backoff: 10 };
const TIMEOUT = { timeout: 20_000 };
const COUNT = 4;
const SIZE = 100_000;
const BLOB = { digest: `sha256:${'0'.repeat(64)}`, size: SIZE };

const folder = await mkdtemp(join(tmpdir(), 'preload-blob-ends-'));
after(() => rm(folder, { recursive: true }));

/** The end of a blob, as the server at `domain` has it. */
const endFrom = async (domain: string, blob = BLOB): Promise<Buffer> => {
  const client = await createRegistryClient({ root: folder, pullSecrets: [], report: assert.fail, patience: PATIENCE });
  const image = { source: { domain, path: 'team/app', tag: '1' }, namespaces: [] };
  return client.fetchEnd(image, blob, COUNT, new AbortController().signal).finally(client.close);
};

/** Why a server that answers like this has none, and how often it was asked. */
const failureFrom = async (answer: (socket: Socket) => void): Promise<{ message: string; asked: number }> => {
  const server = await startRawServer(answer);
  try {
    const end = await endFrom(server.address).catch((error: Error) => error);
    assert.ok(end instanceof Error, 'an end');
    return { message: end.message, asked: server.asked.length };
  } finally {
    await server.stop();
  }
};

const partial = (range: string, length: number): string =>
  `HTTP/1.1 206 Partial Content\r\ncontent-range: bytes ${range}/${SIZE}\r\ncontent-length: ${length}\r\n\r\n`;
const LAST = `${SIZE - COUNT}-${SIZE - 1}`;

test('the end of a blob is all that is asked for', async () => {
  const registry = await startRegistry(folder, 'registry');
  const { layer } = await pushImage(registry.address, 'team/app', folder, SIZE);
  const end = await endFrom(registry.address, layer);
  await registry.stop();
  assert.deepEqual(end, (await readFile(join(folder, 'layer'))).subarray(-COUNT));
});

describe('a server is asked once for it, even if it', () => {
  test('sends the whole blob', TIMEOUT, async () => {
    const { message, asked } = await failureFrom((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      endlessly(socket, 1, () => socket.write('x'.repeat(100_000)));
    });
    assert.match(message, /cannot send a part of a blob$/);
    assert.equal(asked, 1);
  });
  test('sends another part', TIMEOUT, async () => {
    const { message, asked } = await failureFrom((socket) => socket.write(`${partial('0-3', COUNT)}abcd`));
    assert.match(message, /cannot send a part of a blob$/);
    assert.equal(asked, 1);
  });
  test('sends more', TIMEOUT, async () => {
    const { message, asked } = await failureFrom((socket) => {
      socket.write(`HTTP/1.1 206 Partial Content\r\ncontent-range: bytes ${LAST}/${SIZE}\r\n\r\n`);
      endlessly(socket, 1, () => socket.write('x'.repeat(100_000)));
    });
    assert.match(message, /returned more than 4 bytes$/);
    assert.equal(asked, 1);
  });
  test('does not answer', TIMEOUT, async () => {
    const { message, asked } = await failureFrom(() => {});
    assert.match(message, /did not answer in time$/);
    assert.equal(asked, 1);
  });
  test('is busy', TIMEOUT, async () => {
    const { message, asked } = await failureFrom((socket) =>
      socket.write('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'),
    );
    assert.match(message, /answered 503/);
    assert.equal(asked, 1);
  });
});
