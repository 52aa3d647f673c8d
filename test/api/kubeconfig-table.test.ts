import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { startApiServer } from '../cluster/control-plane/api-server.ts';
import { goBuild } from '../cluster/go-build.ts';
import { certificate, issue, privateKey } from '../cluster/machine/pki.ts';
import { startFrontServer } from './front-server.ts';
import { startHttpProxy, startSocksProxy } from './proxies.ts';

// kubectl and this program use the same kubeconfigs and environments. For each row they must reach the same server by the
// same proxy, and the server must take them for the same user, or both must refuse.

const folder = await mkdtemp(join(tmpdir(), 'preload-table-'));
const kubectl = join(await goBuild('kubernetes', console.error), 'kubectl');
const server = await startApiServer();
const stops: (() => unknown)[] = [() => server.stop(), () => rm(folder, { recursive: true })];
after(async () => {
  for (const stop of stops) await stop();
});

const pki = join(server.kubeconfig, '../..');
const {
  clusters: [{ cluster: CLUSTER }],
  users: [{ user: ADMIN }],
} = JSON.parse(await readFile(server.kubeconfig, 'utf8'));
const { server: url, 'certificate-authority': ca } = CLUSTER;

const save = async (name: string, content: string, mode = 0o600): Promise<string> => {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content, { mode });
  return path;
};
const base64 = async (path: string): Promise<string> => (await readFile(path)).toString('base64');

await server.kubectl(['create', 'serviceaccount', 'robot']);
const token = (await server.kubectl(['create', 'token', 'robot', '--duration=1h'])).trim();
const tokenFile = await save('token', `${token}\n`);
const emptyFile = await save('empty', '');
const noFile = join(folder, 'none');
await issue(pki, { name: 'alice', organization: 'team' });
const ALICE = {
  'client-certificate-data': await base64(certificate(pki, 'alice')),
  'client-key-data': await base64(privateKey(pki, 'alice')),
};
const CA_DATA = { 'certificate-authority': null, 'certificate-authority-data': await base64(ca) };
const NO_CA = { 'certificate-authority': null };
const INSECURE = { ...NO_CA, 'insecure-skip-tls-verify': true };

// kubectl proxy is an http server whose users all are the admin
const plain = spawn(kubectl, ['proxy', '--port=0', '--accept-hosts=.*', '--kubeconfig', server.kubeconfig], {
  stdio: 'pipe',
});
const [greeting] = await once(plain.stdout, 'data');
const plainPort = Number(/:(\d+)/.exec(String(greeting))?.[1]);
const front = await startFrontServer(pki, url);
const FRONT = { server: `https://127.0.0.1:${front.port}`, 'tls-server-name': 'front.test' };
await issue(pki, { name: 'proxy', addresses: ['IP:127.0.0.1'] });
const proxyTls = { cert: await readFile(certificate(pki, 'proxy')), key: await readFile(privateKey(pki, 'proxy')) };
const targets = { https: Number(new URL(url).port), http: plainPort };
const proxies = [
  await startHttpProxy(targets),
  await startHttpProxy(targets, proxyTls),
  await startSocksProxy(targets),
];
const [PROXY, TLS_PROXY, SOCKS] = ['http', 'https', 'socks5'].map(
  (scheme, i) => `${scheme}://127.0.0.1:${proxies[i]?.port}`,
);
stops.unshift(front.stop, () => plain.kill(), ...proxies.map(({ stop }) => stop));
const FAR = { server: 'https://kubernetes.default.svc' }; // only proxies reach it
const FAR_PLAIN = { server: 'http://plain.test' };

/** A plugin that prints a credential with this status, and what it learned to standard error. */
const plugin = async (name: string, status: object, version = 'v1'): Promise<object> => {
  const apiVersion = `client.authentication.k8s.io/${version}`;
  const credential = JSON.stringify({ apiVersion, kind: 'ExecCredential', status });
  await save(
    `config/bin/${name}`,
    `#!/bin/sh\necho "learned" $KUBERNETES_EXEC_INFO "$COLOUR $1" >&2\ncat <<'END'\n${credential}\nEND\n`,
    0o755,
  );
  return { apiVersion, command: `bin/${name}`, interactiveMode: 'Never' };
};
const TOKEN_PLUGIN = await plugin('token', { token });
const ALICE_PLUGIN = await plugin('certificate', {
  clientCertificateData: await readFile(certificate(pki, 'alice'), 'utf8'),
  clientKeyData: await readFile(privateKey(pki, 'alice'), 'utf8'),
});
const OIDC = { 'idp-issuer-url': 'https://issuer.test', 'client-id': 'x', 'id-token': token };
const EXPIRED = `x.${Buffer.from('{"exp":1}').toString('base64url')}.x`;

interface Row {
  /** fields of the cluster, besides those of the admin's kubeconfig */
  cluster?: object;
  user?: object;
  /** kubeconfigs instead of one with `cluster` and `user` */
  files?: object[];
  env?: Record<string, string | undefined>;
  flags?: string[];
  /** runs in a pod, whose service account has these files */
  pod?: Record<string, string>;
  /** what a proxy forwards */
  through?: string;
}

const NOBODY = 'refused';
const ROBOT = 'system:serviceaccount:default:robot';
const POD = { token, 'ca.crt': await readFile(ca, 'utf8'), namespace: 'inside' };
const POD_ENV = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: new URL(url).port };
const entry = (kind: string, name: string, fields: object) => ({ [`${kind}s`]: [{ name, [kind]: fields }] });
const context = (cluster: string, user: string) => ({
  'current-context': 'c',
  ...entry('context', 'c', { cluster, user }),
});
const impersonate = (fields: object) => ({ user: { ...ADMIN, ...fields } });

const TABLE: Record<string, Record<string, [user: string, row: Row]>> = {
  files: {
    'entries in three files': [
      'admin',
      { files: [context('x', 'y'), entry('cluster', 'x', CLUSTER), entry('user', 'y', ADMIN)] },
    ],
    'the first file wins': [
      ROBOT,
      {
        files: [
          entry('user', 'y', { token }),
          { ...context('x', 'y'), ...entry('cluster', 'x', CLUSTER), ...entry('user', 'y', ADMIN) },
        ],
      },
    ],
    'a context whose user does not exist': [
      NOBODY,
      { files: [{ ...context('x', 'z'), ...entry('cluster', 'x', CLUSTER) }] },
    ],
    'a context whose cluster does not exist': [
      NOBODY,
      { files: [{ ...context('z', 'y'), ...entry('user', 'y', ADMIN) }] },
    ],
  },
  servers: {
    'a trailing slash': ['admin', { cluster: { server: `${url}/` } }],
    'http, which gets no credentials': [
      'admin',
      { cluster: { server: `http://127.0.0.1:${plainPort}` }, user: { token: 'wrong' } },
    ],
    'no scheme': ['admin', { cluster: { server: `127.0.0.1:${plainPort}` } }],
    'no server': [NOBODY, { cluster: { server: null } }],
    'an unknown scheme': [NOBODY, { cluster: { server: url.replace('https', 'ftp') } }],
    'a number instead of text': [NOBODY, { cluster: { server: 1 } }],
  },
  authorities: {
    'in the kubeconfig': ['admin', { cluster: CA_DATA }],
    'the server itself': ['admin', { cluster: { 'certificate-authority': certificate(pki, 'server') } }],
    'an intermediate one': [
      ROBOT,
      { cluster: { ...FRONT, 'certificate-authority': front.intermediate }, user: { token } },
    ],
    "the server's own certificate from an intermediate one": [
      ROBOT,
      { cluster: { ...FRONT, 'certificate-authority': front.own }, user: { token } },
    ],
    'a foreign one': [NOBODY, { cluster: { 'certificate-authority': front.own } }],
    'another name than the URL': [NOBODY, { cluster: { ...FRONT, 'tls-server-name': 'other.test' }, user: { token } }],
    'without the name': [NOBODY, { cluster: { ...FRONT, 'tls-server-name': null }, user: { token } }],
    'of the system, which does not know it': [NOBODY, { cluster: NO_CA }],
    'of the system, by SSL_CERT_FILE': ['admin', { cluster: NO_CA, env: { SSL_CERT_FILE: ca } }],
    'of the system, by SSL_CERT_DIR': ['admin', { cluster: NO_CA, env: { SSL_CERT_DIR: `/none:${dirname(ca)}` } }],
    'not checked': ['admin', { cluster: INSECURE }],
    'not checked, and given': [NOBODY, { cluster: { 'insecure-skip-tls-verify': true } }],
    'file and data': [NOBODY, { cluster: { ...CA_DATA, 'certificate-authority': ca } }],
    'a file without certificates': [NOBODY, { cluster: { 'certificate-authority': emptyFile } }],
    'a missing file': [NOBODY, { cluster: { 'certificate-authority': noFile } }],
  },
  users: {
    'certificate and key from files': ['admin', {}],
    'certificate and key from the kubeconfig': ['alice', { user: ALICE }],
    'a certificate without a key': [NOBODY, { user: { ...ALICE, 'client-key-data': null } }],
    'a key of another certificate': [
      NOBODY,
      { user: { ...ALICE, 'client-key-data': await base64(privateKey(pki, 'proxy')) } },
    ],
    'a token': [ROBOT, { user: { token } }],
    'a token file': [ROBOT, { user: { tokenFile } }],
    'a token file before a token': [ROBOT, { user: { token: 'wrong', tokenFile } }],
    'a token and a missing token file': [ROBOT, { user: { token, tokenFile: noFile } }],
    'a missing token file': [NOBODY, { user: { tokenFile: noFile } }],
    'an empty token file': [NOBODY, { user: { tokenFile: emptyFile } }],
    'a password': [NOBODY, { user: { username: 'alice', password: 'secret' } }],
    'a token and a password': [NOBODY, { user: { token, username: 'alice', password: 'secret' } }],
    'oidc with a valid token': [ROBOT, { user: { 'auth-provider': { name: 'oidc', config: OIDC } } }],
    'oidc with an expired token that cannot be renewed': [
      NOBODY,
      { user: { 'auth-provider': { name: 'oidc', config: { ...OIDC, 'id-token': EXPIRED } } } },
    ],
    'an auth-provider that no longer exists': [NOBODY, { user: { token, 'auth-provider': { name: 'gcp' } } }],
    none: [NOBODY, { user: {} }],
  },
  impersonation: {
    'a user': ['jane', impersonate({ as: 'jane' })],
    'with everything': [
      'jane',
      impersonate({
        as: 'jane',
        'as-uid': '7',
        'as-groups': ['one', 'two, three'],
        'as-user-extra': { 'example.com/Rolle%': ['a', 'b'], ü: ['ä'] },
      }),
    ],
    'a name beyond ASCII': ['jürgen', impersonate({ as: 'jürgen' })],
    'groups without a user': [NOBODY, impersonate({ 'as-groups': ['one'] })],
    '--as': ['jane', { flags: ['--as', 'jane'] }],
    '--as, --as-group and --as-uid': [
      'jane',
      { flags: ['--as=jane', '--as-group=one', '--as-group=two', '--as-uid=7'] },
    ],
    '--as before the kubeconfig': [
      'jane',
      { ...impersonate({ as: 'joe', 'as-groups': ['old'] }), flags: ['--as=jane', '--as-group=new'] },
    ],
    '--as-group without --as': [NOBODY, { flags: ['--as-group=one'] }],
    'by a user who may not': [NOBODY, { user: { token }, flags: ['--as=jane'] }],
  },
  plugins: {
    'a token': [ROBOT, { user: { exec: TOKEN_PLUGIN } }],
    'a certificate': ['alice', { user: { exec: ALICE_PLUGIN } }],
    'v1beta1, without an interactiveMode': [
      ROBOT,
      { user: { exec: { ...(await plugin('beta', { token }, 'v1beta1')), interactiveMode: null } } },
    ],
    'variables and arguments': [
      ROBOT,
      { user: { exec: { ...TOKEN_PLUGIN, args: ['big'], env: [{ name: 'COLOUR', value: 'red' }] } } },
    ],
    'about the cluster': [ROBOT, { user: { exec: { ...TOKEN_PLUGIN, provideClusterInfo: true } } }],
    'more about the cluster': [
      ROBOT,
      {
        cluster: {
          ...INSECURE,
          'tls-server-name': 'x',
          'disable-compression': true,
          extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }],
        },
        user: { exec: { ...TOKEN_PLUGIN, provideClusterInfo: true } },
      },
    ],
    'not beside a token': [ROBOT, { user: { token, exec: { ...TOKEN_PLUGIN, command: '/none' } } }],
    'beside an auth-provider': [
      NOBODY,
      { user: { exec: TOKEN_PLUGIN, 'auth-provider': { name: 'oidc', config: OIDC } } },
    ],
    'that needs a terminal': [NOBODY, { user: { exec: { ...TOKEN_PLUGIN, interactiveMode: 'Always' } } }],
    'without an interactiveMode': [NOBODY, { user: { exec: { ...TOKEN_PLUGIN, interactiveMode: null } } }],
    'of an unknown version': [NOBODY, { user: { exec: await plugin('alpha', { token }, 'v1alpha1') } }],
    'that answers in another version': [
      NOBODY,
      { user: { exec: { ...TOKEN_PLUGIN, apiVersion: 'client.authentication.k8s.io/v1beta1' } } },
    ],
    'that gives nothing': [NOBODY, { user: { exec: await plugin('nothing', {}) } }],
    'that gives only half': [NOBODY, { user: { exec: await plugin('half', { token, clientKeyData: 'x' }) } }],
    'that fails': [NOBODY, { user: { exec: { ...TOKEN_PLUGIN, command: 'false' } } }],
    'that does not exist': [NOBODY, { user: { exec: { ...TOKEN_PLUGIN, command: 'none' } } }],
  },
  proxies: {
    'proxy-url http': [
      'admin',
      { cluster: { ...FAR, 'proxy-url': PROXY }, through: 'CONNECT kubernetes.default.svc:443' },
    ],
    'proxy-url https': [
      'admin',
      { cluster: { ...FAR, 'proxy-url': TLS_PROXY }, through: 'CONNECT kubernetes.default.svc:443' },
    ],
    'proxy-url socks5': [
      'admin',
      { cluster: { ...FAR, 'proxy-url': SOCKS }, through: 'SOCKS kubernetes.default.svc:443' },
    ],
    'proxy-url socks5, to an address': [
      'admin',
      { cluster: { 'proxy-url': SOCKS }, through: `SOCKS ${new URL(url).host}` },
    ],
    'proxy-url, also to this machine': [
      'admin',
      { cluster: { 'proxy-url': PROXY }, through: `CONNECT ${new URL(url).host}` },
    ],
    'proxy-url with a login': [
      'admin',
      {
        cluster: { ...FAR, 'proxy-url': PROXY?.replace('//', '//me:p%40ss@') },
        through: 'Basic bWU6cEBzcw== CONNECT kubernetes.default.svc:443',
      },
    ],
    'proxy-url of an unknown scheme': [NOBODY, { cluster: { 'proxy-url': 'ftp://127.0.0.1:1' } }],
    'a proxy that is down': [NOBODY, { cluster: { 'proxy-url': 'http://127.0.0.1:1' } }],
    HTTPS_PROXY: [
      'admin',
      { cluster: FAR, env: { HTTPS_PROXY: PROXY }, through: 'CONNECT kubernetes.default.svc:443' },
    ],
    'https_proxy without a scheme': [
      'admin',
      {
        cluster: FAR,
        env: { https_proxy: PROXY?.replace('http://', '') },
        through: 'CONNECT kubernetes.default.svc:443',
      },
    ],
    'HTTPS_PROXY socks5': [
      'admin',
      { cluster: FAR, env: { HTTPS_PROXY: SOCKS }, through: 'SOCKS kubernetes.default.svc:443' },
    ],
    'proxy-url before HTTPS_PROXY': [
      'admin',
      {
        cluster: { ...FAR, 'proxy-url': SOCKS },
        env: { HTTPS_PROXY: PROXY },
        through: 'SOCKS kubernetes.default.svc:443',
      },
    ],
    'none to this machine': ['admin', { env: { HTTPS_PROXY: PROXY } }],
    'none by NO_PROXY': [NOBODY, { cluster: FAR, env: { HTTPS_PROXY: PROXY, no_proxy: '.svc' } }],
    'another name in NO_PROXY': [
      'admin',
      {
        cluster: FAR,
        env: { HTTPS_PROXY: PROXY, NO_PROXY: '10.0.0.0/8,vc' },
        through: 'CONNECT kubernetes.default.svc:443',
      },
    ],
    'HTTP_PROXY for http': [
      'admin',
      {
        cluster: FAR_PLAIN,
        env: { HTTP_PROXY: PROXY, HTTPS_PROXY: 'http://127.0.0.1:1' },
        through: 'POST http://plain.test/apis/authentication.k8s.io/v1/selfsubjectreviews',
      },
    ],
    'socks5 for http': ['admin', { cluster: { ...FAR_PLAIN, 'proxy-url': SOCKS }, through: 'SOCKS plain.test:80' }],
  },
  'in a pod': {
    'its service account': [ROBOT, { files: [], pod: POD, env: POD_ENV }],
    'a kubeconfig goes first': ['admin', { pod: POD, env: POD_ENV }],
    'a kubeconfig without a cluster does not': [ROBOT, { files: [context('none', 'none')], pod: POD, env: POD_ENV }],
    'no token': [NOBODY, { files: [], pod: { namespace: 'x' }, env: POD_ENV }],
    'no address': [NOBODY, { files: [], pod: POD }],
    'no authority': [NOBODY, { files: [], pod: { token }, env: POD_ENV }],
  },
};

let count = 0;

const answers = async (row: Row) => {
  const { cluster, user = ADMIN, env = {}, flags = [], pod } = row;
  const own = {
    ...context('x', 'y'),
    ...entry('cluster', 'x', { ...CLUSTER, ...cluster }),
    ...entry('user', 'y', user),
  };
  count += 1;
  const paths = await Promise.all(
    (row.files ?? [own]).map((file, i) => save(`config/${count}-${i}`, JSON.stringify(file))),
  );
  const environment = { PATH: process.env.PATH, HOME: folder, KUBECONFIG: paths.join(delimiter), ...env };
  const inside = pod ? await enterPod(pod) : [];
  const run = async (argv: string[]) => {
    for (const { forwarded } of proxies) forwarded.length = 0;
    const [command = '', ...args] = [...inside, ...argv, ...flags];
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { stdout, stderr, forwarded: [...new Set(proxies.flatMap(({ forwarded }) => forwarded))].join() };
  };
  const theirs = await run([kubectl, 'auth', 'whoami', '-o', 'json', '-v=6']);
  const ours = await run([process.execPath, join(import.meta.dirname, 'whoami.ts')]);
  return { theirs, ours };
};

/** A command that enters a machine whose pod has these files. */
const enterPod = async (files: Record<string, string>): Promise<string[]> => {
  for (const [name, content] of Object.entries(files)) await save(`pod-${count}/${name}`, content);
  const script = `mount -t tmpfs none /run
    mkdir -p /run/secrets/kubernetes.io && cp -r ${folder}/pod-${count} /run/secrets/kubernetes.io/serviceaccount
    exec "$@"`;
  return ['unshare', '--mount', 'sh', '-ec', script, 'sh'];
};

const API = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const learned = (stderr: string) =>
  /^learned (\{.*\}) (.*)$/m
    .exec(stderr)
    ?.slice(1)
    .map((part) => (part.startsWith('{') ? JSON.parse(part) : part));

for (const [topic, rows] of Object.entries(TABLE)) {
  describe(topic, () => {
    for (const [title, [expected, row]] of Object.entries(rows)) {
      test(title, async () => {
        const { theirs, ours } = await answers(row);
        const failures = `${theirs.stderr}\n${ours.stderr}`;
        assert.equal(
          theirs.stdout.startsWith('{') ? JSON.parse(theirs.stdout).status.userInfo.username : NOBODY,
          expected,
          failures,
        );
        assert.deepEqual(learned(ours.stderr), learned(theirs.stderr));
        if (expected === NOBODY) return assert.equal(ours.stdout, '', failures);
        assert.ok(ours.stdout, failures);
        const { server, review } = JSON.parse(ours.stdout);
        assert.deepEqual(review.status, JSON.parse(theirs.stdout).status);
        assert.ok(theirs.stderr.includes(`url="${server}${API}`), theirs.stderr);
        assert.deepEqual([ours.forwarded, theirs.forwarded], [row.through ?? '', row.through ?? '']);
      });
    }
  });
}
