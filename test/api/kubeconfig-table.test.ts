import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { certificate, privateKey } from '../cluster/machine/pki.ts';
import { answers, context, entry, type Row } from './both-programs.ts';
import {
  ADMIN,
  ALICE,
  ALICE_PLUGIN,
  ASKING_PLUGIN,
  base64,
  CA_DATA,
  CLUSTER,
  ca,
  EXPIRED,
  emptyFile,
  FAR,
  FAR_PLAIN,
  FRONT,
  front,
  INSECURE,
  NO_CA,
  noFile,
  OIDC,
  PROXY,
  pki,
  plainPort,
  plugin,
  SOCKS,
  TLS_PROXY,
  TOKEN_PLUGIN,
  token,
  tokenFile,
  url,
} from './login-parts.ts';

// kubectl and this program use the same kubeconfigs and environments. For each row they must reach the same server by the
// same proxy, and the server must take them for the same user, or both must refuse.

const NOBODY = 'refused';
const ROBOT = 'system:serviceaccount:default:robot';
const POD = { token, 'ca.crt': await readFile(ca, 'utf8'), namespace: 'inside' };
const POD_ENV = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: new URL(url).port };
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
    'an empty file, which leaves it to the system': [
      'admin',
      { cluster: { 'certificate-authority': emptyFile }, env: { SSL_CERT_FILE: ca } },
    ],
    'a file without certificates': [
      NOBODY,
      { cluster: { 'certificate-authority': tokenFile }, env: { SSL_CERT_FILE: ca } },
    ],
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
    'that asks': [ROBOT, { user: { exec: { ...ASKING_PLUGIN, interactiveMode: 'IfAvailable' } }, types: 'secret\n' }],
    'that always asks': [ROBOT, { user: { exec: { ...ASKING_PLUGIN, interactiveMode: 'Always' } }, types: 'secret\n' }],
    'that asks, and gets a wrong answer': [
      NOBODY,
      { user: { exec: { ...ASKING_PLUGIN, interactiveMode: 'IfAvailable' } }, types: 'wrong\n' },
    ],
    'that asks, although it must not': [NOBODY, { user: { exec: ASKING_PLUGIN }, types: 'secret\n' }],
    'that asks without a terminal': [NOBODY, { user: { exec: { ...ASKING_PLUGIN, interactiveMode: 'IfAvailable' } } }],
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
    'none by NO_PROXY=*': [NOBODY, { cluster: FAR, env: { HTTPS_PROXY: PROXY, NO_PROXY: '*' } }],
    'an address that is not in the range of NO_PROXY': [
      'admin',
      {
        cluster: { server: 'https://10.96.0.1' },
        env: { HTTPS_PROXY: PROXY, NO_PROXY: '10.97.0.0/16,10.96.0.2' },
        through: 'CONNECT 10.96.0.1:443',
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
    'https for http': [
      'admin',
      {
        cluster: { ...FAR_PLAIN, 'proxy-url': TLS_PROXY },
        env: { SSL_CERT_FILE: ca },
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
        const { theirs, ours } = await answers(row, ['auth', 'whoami', '-o', 'json']);
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

describe('the namespace', () => {
  const inFile = (namespace?: string) => ({
    files: [{ ...context('x', 'y', namespace), ...entry('cluster', 'x', CLUSTER), ...entry('user', 'y', ADMIN) }],
  });
  const rows: Record<string, [namespace: string, row: Row]> = {
    'of the context': ['own', inFile('own')],
    'default without one': ['default', inFile()],
    'of the pod': ['inside', { files: [], pod: POD, env: POD_ENV }],
    'of the pod, by the environment': ['other', { files: [], pod: POD, env: { ...POD_ENV, POD_NAMESPACE: 'other' } }],
    'of the pod if the context has none': ['inside', { ...inFile(), pod: POD, env: POD_ENV }],
    'of the context, in a pod': ['default', { ...inFile('default'), pod: POD, env: POD_ENV }],
  };
  for (const [title, [expected, row]] of Object.entries(rows)) {
    test(title, async () => {
      const { theirs, ours } = await answers(row, ['get', 'configmap', 'none']);
      assert.equal(/\/namespaces\/(\w+)\/configmaps/.exec(theirs.stderr)?.[1], expected, theirs.stderr);
      assert.equal(JSON.parse(ours.stdout).namespace, expected, ours.stderr);
    });
  }
});
