import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { plain } from '../../../src/model/parse.ts';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { PATIENCE as DEFAULT, type Patience } from '../../../src/registry/persist.ts';
import { endlessly, startRawServer } from './raw-server.ts';

const PATIENCE: Patience = { ...DEFAULT, connect: 300, idle: 300, backoff: 10, tries: 2 };
const TIMEOUT = { timeout: 20_000 };
const ESCAPES = '\u001b]0;title\u0007\u001b[2J';

const folder = await mkdtemp(join(tmpdir(), 'preload-hostile-answers-'));
after(() => rm(folder, { recursive: true }));

type Answers = (socket: Socket, address: string) => void;

/** Asks a server that answers like this for a manifest. Returns why it fails, and what was asked. */
const failureOf = async (
  registry: Answers,
  tokens: Answers = () => {},
): Promise<{ message: string; asked: string[] }> => {
  const server = await startRawServer((socket, line) => {
    if (line.startsWith('GET /v2/')) registry(socket, server.address);
    else tokens(socket, server.address);
  });
  const said: string[] = [];
  const report = (warning: string) => said.push(warning);
  const client = await createRegistryClient({ root: folder, pullSecrets: [], report, patience: PATIENCE });
  const image = { source: { domain: server.address, path: 'team/app', tag: '1' }, namespaces: [] };
  try {
    await client.fetchManifest(image, new AbortController().signal);
  } catch (error) {
    said.push((error as Error).message);
  } finally {
    await client.close();
    await server.stop();
  }
  for (const message of said) assert.equal(plain(message), message);
  const [message = ''] = said;
  return { message, asked: server.asked };
};

const head = (status: string, ...headers: string[]): string =>
  `${[`HTTP/1.1 ${status}`, ...headers, 'content-length: 0'].join('\r\n')}\r\n\r\n`;
const challenge: Answers = (socket, address) =>
  socket.write(head('401 No', `www-authenticate: Bearer realm="http://${address}/token"`));

describe('an answer without an end is given up:', () => {
  test('one header line', TIMEOUT, async () => {
    const { message } = await failureOf((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx: ');
      endlessly(socket, 1, () => socket.write('x'.repeat(10_000)));
    });
    assert.match(message, /failed \(UND_ERR_HEADERS_OVERFLOW\)/);
  });
  test('many headers', TIMEOUT, async () => {
    const { message } = await failureOf((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      endlessly(socket, 1, () => socket.write('x: y\r\n'.repeat(1000)));
    });
    assert.match(message, /failed \(UND_ERR_HEADERS_OVERFLOW\)/);
  });
  test('headers that come letter by letter', TIMEOUT, async () => {
    const { message } = await failureOf((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx: ');
      endlessly(socket, 50, () => socket.write('x'));
    });
    assert.match(message, /did not answer in time/);
  });
  test('informational answers', TIMEOUT, async () => {
    const { message } = await failureOf((socket) => {
      endlessly(socket, 50, () => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'));
    });
    assert.match(message, /did not answer in time/);
  });
  test('the body of a redirect', TIMEOUT, async () => {
    const { message } = await failureOf((socket) => {
      socket.write('HTTP/1.1 307 Moved\r\nlocation: /v2/\r\ntransfer-encoding: chunked\r\n\r\n');
      endlessly(socket, 50, () => socket.write('1\r\nx\r\n'));
    });
    assert.match(message, /too many redirects/);
  });
  test('the body of a refusal', TIMEOUT, async () => {
    const { message } = await failureOf((socket) => {
      socket.write('HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\n\r\n');
      endlessly(socket, 50, () => socket.write('1\r\nx\r\n'));
    });
    assert.match(message, /denied access/);
  });
  test('chunk extensions', TIMEOUT, async () => {
    const { message } = await failureOf((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;');
      endlessly(socket, 50, () => socket.write('x'));
    });
    assert.match(message, /did not answer in time|failed/);
  });
  test('a manifest', TIMEOUT, async () => {
    const { message } = await failureOf((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      endlessly(socket, 1, () => socket.write('x'.repeat(1_000_000)));
    });
    assert.match(message, /returned more than 8388608 bytes/);
  });
  test('a token', TIMEOUT, async () => {
    const { message } = await failureOf(challenge, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      endlessly(socket, 1, () => socket.write('x'.repeat(100_000)));
    });
    assert.match(message, /returned more than 1048576 bytes/);
  });
  test('a token that does not come', TIMEOUT, async () => {
    const { message } = await failureOf(challenge, () => {});
    assert.match(message, /did not answer in time/);
  });
  test('redirects of a token server', TIMEOUT, async () => {
    const { message, asked } = await failureOf(challenge, (socket) =>
      socket.write(head('307 Moved', 'location: /token')),
    );
    assert.match(message, /too many redirects/);
    assert.equal(asked.filter((line) => line.startsWith('GET /token')).length, 6);
  });
});

describe('nothing that a server says reaches a terminal as an escape sequence:', () => {
  for (const [where, answers] of Object.entries<Answers>({
    'in a status line': (socket) => socket.write(head(`500 ${ESCAPES}`)),
    'in the host of a redirect': (socket) => socket.write(head('307 Moved', `location: http://${ESCAPES}.test/`)),
    'in the host of a redirect, encoded': (socket) =>
      socket.write(head('307 Moved', 'location: http://%1b%5b2J.test/')),
    'in the realm of a challenge': (socket) =>
      socket.write(head('401 No', `www-authenticate: Bearer realm="${ESCAPES}"`)),
    'in the scheme of a challenge': (socket) => socket.write(head('401 No', `www-authenticate: ${ESCAPES} realm="x"`)),
    'in the digest of a manifest': (socket) =>
      socket.write(head('200 OK', `docker-content-digest: sha256:\u00c2\u009b2J`)),
    'in the name of a protocol': (socket) => socket.write(head('307 Moved', 'location: x-evil:\u009b2J')),
    'in a manifest': (socket) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${ESCAPES.length + 2}\r\n\r\n"${ESCAPES}"`),
  })) {
    test(where, TIMEOUT, async () => {
      const { message } = await failureOf(answers);
      assert.notEqual(message, '');
    });
  }
});
