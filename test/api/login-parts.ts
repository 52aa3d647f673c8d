import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { startApiServer } from '../cluster/control-plane/api-server.ts';
import { goBuild } from '../cluster/go-build.ts';
import { certificate, issue, privateKey } from '../cluster/machine/pki.ts';
import { startFrontServer } from './front-server.ts';
import { startHttpProxy, startSocksProxy } from './proxies.ts';

// What kubeconfigs are made of: one API server with its users, the ways to it, and plugins.

export const folder = await mkdtemp(join(tmpdir(), 'preload-table-'));
export const kubectl = join(await goBuild('kubernetes', console.error), 'kubectl');
const server = await startApiServer();
const stops: (() => unknown)[] = [() => server.stop(), () => rm(folder, { recursive: true })];
after(async () => {
  for (const stop of stops) await stop();
});

export const pki = join(server.kubeconfig, '../..');
export const {
  clusters: [{ cluster: CLUSTER }],
  users: [{ user: ADMIN }],
} = JSON.parse(await readFile(server.kubeconfig, 'utf8'));
export const { server: url, 'certificate-authority': ca } = CLUSTER;

export const save = async (name: string, content: string, mode = 0o600): Promise<string> => {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content, { mode });
  return path;
};
export const base64 = async (path: string): Promise<string> => (await readFile(path)).toString('base64');

await server.kubectl(['create', 'serviceaccount', 'robot']);
export const token = (await server.kubectl(['create', 'token', 'robot', '--duration=1h'])).trim();
export const tokenFile = await save('token', `${token}\n`);
export const emptyFile = await save('empty', '');
export const noFile = join(folder, 'none');
await issue(pki, { name: 'alice', organization: 'team' });
export const ALICE = {
  'client-certificate-data': await base64(certificate(pki, 'alice')),
  'client-key-data': await base64(privateKey(pki, 'alice')),
};
export const CA_DATA = { 'certificate-authority': null, 'certificate-authority-data': await base64(ca) };
export const NO_CA = { 'certificate-authority': null };
export const INSECURE = { ...NO_CA, 'insecure-skip-tls-verify': true };

// kubectl proxy is an http server whose users all are the admin
const plain = spawn(kubectl, ['proxy', '--port=0', '--accept-hosts=.*', '--kubeconfig', server.kubeconfig], {
  stdio: 'pipe',
});
const [greeting] = await once(plain.stdout, 'data');
export const plainPort = Number(/:(\d+)/.exec(String(greeting))?.[1]);
export const front = await startFrontServer(pki, url);
export const FRONT = { server: `https://127.0.0.1:${front.port}`, 'tls-server-name': 'front.test' };
await issue(pki, { name: 'proxy', addresses: ['IP:127.0.0.1'] });
const proxyTls = { cert: await readFile(certificate(pki, 'proxy')), key: await readFile(privateKey(pki, 'proxy')) };
const targets = { https: Number(new URL(url).port), http: plainPort };
export const proxies = [
  await startHttpProxy(targets),
  await startHttpProxy(targets, proxyTls),
  await startSocksProxy(targets),
];
export const [PROXY = '', TLS_PROXY = '', SOCKS = ''] = ['http', 'https', 'socks5'].map(
  (scheme, i) => `${scheme}://127.0.0.1:${proxies[i]?.port}`,
);
stops.unshift(front.stop, () => plain.kill(), ...proxies.map(({ stop }) => stop));
export const FAR = { server: 'https://kubernetes.default.svc' }; // only proxies reach it
export const FAR_PLAIN = { server: 'http://plain.test' };

/** A plugin that prints a credential with this status, and what it learned to standard error. It runs `first` before. */
export const plugin = async (name: string, status: object, version = 'v1', first = ''): Promise<object> => {
  const apiVersion = `client.authentication.k8s.io/${version}`;
  const credential = JSON.stringify({ apiVersion, kind: 'ExecCredential', status });
  await save(
    `config/bin/${name}`,
    `#!/bin/sh\necho "learned" $KUBERNETES_EXEC_INFO "$COLOUR $1" >&2\n${first}\ncat <<'END'\n${credential}\nEND\n`,
    0o755,
  );
  return { apiVersion, command: `bin/${name}`, interactiveMode: 'Never' };
};
export const TOKEN_PLUGIN = await plugin('token', { token });
/** Asks for a password, which is `secret`. */
export const ASKING_PLUGIN = await plugin(
  'asking',
  { token },
  'v1',
  'printf "Password: " >&2; read -r password; [ "$password" = secret ] || exit 1',
);
export const ALICE_PLUGIN = await plugin('certificate', {
  clientCertificateData: await readFile(certificate(pki, 'alice'), 'utf8'),
  clientKeyData: await readFile(privateKey(pki, 'alice'), 'utf8'),
});
export const OIDC = { 'idp-issuer-url': 'https://issuer.test', 'client-id': 'x', 'id-token': token };
export const EXPIRED = `x.${Buffer.from('{"exp":1}').toString('base64url')}.x`;
