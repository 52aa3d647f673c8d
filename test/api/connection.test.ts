import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createWebServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runBundle } from '../harness/run-bundle.ts';
import { stopServer } from '../harness/stop-server.ts';
import { grant, STORAGE, startTestServer } from './api-server.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-connection-'));
const server = await startTestServer();
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});
before(() => server.apply(...STORAGE));

const admin = await readFile(server.kubeconfig, 'utf8');
const url = JSON.parse(admin).clusters[0].cluster.server as string;

/** Path of a kubeconfig with `text`. */
const kubeconfig = async (text: string): Promise<string> => {
  const path = join(folder, 'config');
  await writeFile(path, text);
  return path;
};

/** A server on loopback that accepts connections and says nothing. */
const listen = async (): Promise<{ port: number; close: () => void }> => {
  const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  return { port: (silent.address() as AddressInfo).port, close: () => silent.close() };
};

/** Asserts that both commands fail with exactly these lines, and nothing on standard output. */
const fails = async (flags: string[], env: Record<string, string>, lines: RegExp): Promise<void> => {
  for (const command of [['status'], ['create', 'web', 'nginx:1']]) {
    const { code, stdout, stderr } = await runBundle([...command, ...flags], env);
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, lines);
  }
};

describe('no connection to the server', () => {
  const remedy = 'hint: set KUBECONFIG, or specify a file with --kubeconfig\n$';

  test('nothing configured', () => fails([], {}, new RegExp(`^error: no cluster is configured\n${remedy}`)));

  test('a missing kubeconfig', () =>
    fails(
      ['--kubeconfig', '/nonexistent'],
      {},
      new RegExp(`^error: cannot read the kubeconfig: no such file or directory: .*\n${remedy}`),
    ));

  test('an invalid kubeconfig', async () => {
    const path = await kubeconfig('hello: [');
    await fails([], { KUBECONFIG: path }, new RegExp(`^error: cannot read the kubeconfig: [\\s\\S]*\n${remedy}`));
  });

  test('an unknown context', () =>
    fails(
      ['--context', 'moon'],
      { KUBECONFIG: server.kubeconfig },
      /^error: context "moon" does not exist\nhint: see: kubectl config get-contexts\n$/,
    ));

  test('a missing client certificate', async () => {
    const path = await kubeconfig(admin.replace('admin.crt', 'nobody.crt'));
    await fails(
      [],
      { KUBECONFIG: path },
      /^error: cannot use the kubeconfig: no such file or directory: .*\nhint: check the credentials of the current context; .*\n$/,
    );
  });

  test('a server that is down', async () => {
    const { port, close } = await listen();
    close();
    const path = await kubeconfig(admin.replace(url, `https://127.0.0.1:${port}`));
    const refused = `The connection to the server 127.0.0.1:${port} was refused - did you specify the right host or port\\?`;
    await fails([], { KUBECONFIG: path }, new RegExp(`^${refused}\n$`));
  });

  test('a server name that cannot be resolved', async () => {
    const path = await kubeconfig(admin.replace(url, 'https://kubernetes.invalid:6443'));
    await fails([], { KUBECONFIG: path }, /^Unable to connect to the server kubernetes\.invalid:6443: .*\n$/);
  });

  test('a server that never answers', async () => {
    const { port, close } = await listen();
    const path = await kubeconfig(admin.replace(url, `https://127.0.0.1:${port}`));
    const flags = ['--request-timeout', '300ms'];
    const lines = /^error: the server 127\.0\.0\.1:\d+ did not answer in time\nhint: raise --request-timeout\n$/;
    await fails(flags, { KUBECONFIG: path }, lines);
    close();
  });

  const answers = async (answer: (response: ServerResponse) => void, lines: RegExp): Promise<void> => {
    const web = createWebServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
    await once(web, 'listening');
    const { port } = web.address() as AddressInfo;
    const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
    const config = JSON.parse(admin);
    config.clusters[0].cluster = cluster;
    const path = await kubeconfig(JSON.stringify(config));
    await fails(['--request-timeout', '500ms'], { KUBECONFIG: path }, lines).finally(() => stopServer(web));
  };

  test('a server that is not an API server', () =>
    answers(
      (response) => response.end('<html>'),
      /^The server 127\.0\.0\.1:\d+ did not answer with JSON - is it an API server\?\n$/,
    ));

  test('a server that stops in the middle of an answer', () =>
    answers(
      (response) => response.write('{'),
      /^error: the server 127\.0\.0\.1:\d+ did not answer in time\nhint: raise --request-timeout\n$/,
    ));

  test('a connection that breaks in the middle of an answer', () =>
    answers(
      (response) => response.write('{', () => response.destroy()),
      /^Unable to connect to the server 127\.0\.0\.1:\d+: .*\n$/,
    ));

  test('a server certificate from another CA', async () => {
    const path = await kubeconfig(admin.replace('ca.crt', 'admin.crt'));
    await fails([], { KUBECONFIG: path }, /^Unable to connect to the server 127\.0\.0\.1:\d+: .*certificate.*\n$/);
  });
});

describe('a user who may not', () => {
  const config = { KUBECONFIG: server.kubeconfig };

  test('log in', async () => {
    const stranger = { name: 'admin', user: { token: 'wrong' } };
    const path = await kubeconfig(JSON.stringify({ ...JSON.parse(admin), users: [stranger] }));
    const lines = /^error: You must be logged in to the server \(Unauthorized\)\nhint: check the credentials.*\n$/;
    await fails([], { KUBECONFIG: path }, lines);
  });

  test('read', () =>
    fails(['--as', 'jane'], config, /^Error from server \(Forbidden\): \S+ is forbidden: User "jane" cannot list/m));

  const CREATED = ['configmaps', 'pods', 'persistentvolumeclaims', 'volumesnapshots'];
  for (const resource of CREATED.slice(1)) {
    test(`create ${resource}, but may do all else: nothing is created`, async () => {
      const user = `no-${resource}`;
      const read = { apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] };
      const write = { apiGroups: ['*'], resources: CREATED.filter((other) => other !== resource), verbs: ['*'] };
      await server.apply(...grant(user, read, write));
      const refusal = new RegExp(
        `^Error from server \\(Forbidden\\): ${resource}.* is forbidden: User "${user}" cannot create resource "${resource}"`,
        'm',
      );
      await server.refuses(['create', 'web', 'nginx:1', '--as', user], refusal, /in the namespace "default"$/m);
    });
  }
});
