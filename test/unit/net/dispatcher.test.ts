import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type LookupFunction } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { createDispatcher } from '../../../src/net/dispatcher.ts';

// with room for two connections that it has not accepted yet
const SERVER = `
  const server = require('node:http').createServer((_, answer) => answer.end('here'));
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(server.address().port));`;

const server = spawn(process.execPath, ['--eval', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
after(() => server.kill('SIGKILL'));
const port = Number((await once(server.stdout, 'data'))[0]);

const bothFamilies: LookupFunction = (_host, _options, callback) =>
  callback(null, [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 }, // nobody listens there
  ]);

test('a server is reached whose good address answers after a second, and whose other one is broken', async () => {
  server.kill('SIGSTOP');
  const others = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(others.map((socket) => once(socket, 'connect')));
  const dispatcher = createDispatcher({ timeout: 10_000, lookup: bothFamilies });
  const answer = request(`http://server.test:${port}`, { dispatcher });
  await sleep(500); // its first packet is lost
  server.kill('SIGCONT');
  assert.equal(await (await answer).body.text(), 'here');
  for (const socket of others) socket.destroy();
  await dispatcher.destroy();
});
