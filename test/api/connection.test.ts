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
const { host } = new URL(url);

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

  for (const scheme of ['http', 'https', 'socks5']) {
    test(`a proxy that is down: ${scheme}`, async () => {
      const { port, close } = await listen();
      close();
      const path = await kubeconfig(
        admin.replace('"server"', `"proxy-url": "${scheme}://127.0.0.1:${port}", "server"`),
      );
      const lines = new RegExp(
        `^Unable to connect to the server ${host}: proxy 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*\n$`,
      );
      await fails([], { KUBECONFIG: path }, lines);
    });
  }

  test('a group to impersonate, from the environment', () =>
    fails(
      [],
      { KUBECONFIG: server.kubeconfig, KUBECTL_PRELOAD_AS_GROUP: 'team' },
      /as-groups and as-user-extra need as\n/,
    ));

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

describe('a user who cannot log in as the kubeconfig says', () => {
  const API = 'client.authentication.k8s.io/v1';
  const exec = { apiVersion: API, command: 'no-such-login', interactiveMode: 'Never' };
  const expired = `x.${Buffer.from('{"exp":1}').toString('base64url')}.x`;
  const oidc = { 'idp-issuer-url': 'https://issuer.test', 'client-id': 'x', 'id-token': expired };
  const users: Record<string, [user: object, lines: string]> = {
    'a plugin that is not installed': [
      { exec: { ...exec, installHint: 'apt-get install login' } },
      'no-such-login not found\nhint: apt-get install login',
    ],
    'a plugin that fails': [
      { exec: { ...exec, command: 'false' } },
      'false failed with 1\nhint: false should print the reason; kubectl runs it, too',
    ],
    'a plugin that needs a terminal': [
      { exec: { ...exec, interactiveMode: 'Always' } },
      'no-such-login asks for credentials\nhint: run this command in a terminal',
    ],
    'a plugin that prints a secret in the wrong place': [
      { exec: { ...exec, command: 'echo', args: ['{"token": "secret"}'] } },
      'what echo printed cannot be used: its apiVersion is invalid\nhint: see the documentation of that credential plugin',
    ],
    'an auth-provider that no longer exists': [
      { 'auth-provider': { name: 'azure' } },
      'user "admin": kubectl has no auth-provider "azure" any more\nhint: .*',
    ],
    'an expired id-token': [
      { 'auth-provider': { name: 'oidc', config: oidc } },
      'the id-token has expired\nhint: renew it with any kubectl command, such as: kubectl auth whoami',
    ],
    'a secret in the wrong place': [
      { exec: { ...exec, env: 'secret' } },
      'user "admin": exec.env has the wrong type\nhint: .*',
    ],
    'a token that is a number': [{ token: 123 }, 'user "admin": token must be text\nhint: .*'],
    'no credentials': [{}, 'the user has no credentials\nhint: .*'],
  };
  for (const [title, [user, lines]] of Object.entries(users)) {
    test(title, async () => {
      const path = await kubeconfig(JSON.stringify({ ...JSON.parse(admin), users: [{ name: 'admin', user }] }));
      await fails([], { KUBECONFIG: path }, new RegExp(`^error: cannot use the kubeconfig: ${lines}\n$`));
    });
  }
});

describe('a time limit', () => {
  const config = { KUBECONFIG: server.kubeconfig };

  for (const limit of ['0', '20', '20s', '10000h']) {
    test(`--request-timeout ${limit}`, async () => {
      const { code, stderr } = await runBundle(['status', '--request-timeout', limit], config);
      assert.deepEqual([code, stderr], [0, 'No resources found in default namespace.\n']);
    });
  }

  test('--timeout 1000h, which no timer can wait', async () => {
    const { stderr } = await runBundle(['verify', 'none', '--timeout', '1000h'], config);
    assert.match(stderr, /^error: volume snapshot "none" not found in namespace "default"$/m);
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
