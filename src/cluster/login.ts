import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { PreloadError } from '../model/errors.ts';
import { createExecPlugin, type ExecPlugin, type PluginPlace } from './exec-plugin.ts';
import { type ClusterEntry, hasPassword, type UserEntry } from './kubeconfig-entries.ts';
import { usableIdToken } from './oidc.ts';

/** What shows server and user to each other. All are empty if there are none. */
export interface Credentials {
  /** PEM */
  ca: string;
  certificate: string;
  key: string;
  /** value of the header */
  authorization: string;
}

/** Reads credentials; with `renew`, nothing that was kept is used. */
type Login = (renew: boolean) => Promise<Credentials>;

/** client-node reads certificates, keys and token files, the latter once a minute; see `createExecPlugin` for plugins. */
export const createLogin = (cluster: ClusterEntry, user: UserEntry, place: PluginPlace): Login => {
  const exec = hasOwnCredentials(user) ? undefined : user.exec;
  const plugin = exec ? createExecPlugin(exec, () => execCluster(cluster), place) : undefined;
  let config: KubeConfig | undefined;
  return async (renew) => {
    if (renew || !config) {
      plugin?.forget();
      config = clientConfig(cluster, user, plugin);
    }
    const headers: Record<string, string> = {};
    const options: RequestOptions = { headers };
    await config.applyToHTTPSOptions(options);
    const authorization = hasPassword(user) ? basic(user) : (headers.Authorization ?? '').trim();
    if (authorization === 'Bearer' || (user.tokenFile && !authorization))
      throw new PreloadError(`the token file ${user.tokenFile} is empty`);
    const certificate = pem(options.cert);
    // kubectl asks for a password then, which API servers do not accept
    if (!authorization && !certificate) throw new PreloadError('the user has no credentials');
    return { ca: pem(options.ca), certificate, key: pem(options.key), authorization };
  };
};

/** With these, kubectl does not run a plugin. */
const hasOwnCredentials = (user: UserEntry): boolean =>
  !!(user.token || user.tokenFile || user['client-certificate'] || user['client-certificate-data']) ||
  hasPassword(user);

const clientConfig = (cluster: ClusterEntry, user: UserEntry, plugin?: ExecPlugin): KubeConfig => {
  const config = new KubeConfig();
  if (plugin) config.addAuthenticator(authenticator(plugin));
  config.loadFromClusterAndUser(
    {
      name: '',
      server: cluster.server,
      skipTLSVerify: cluster['insecure-skip-tls-verify'],
      caFile: cluster['certificate-authority'],
      caData: cluster['certificate-authority-data'],
    },
    {
      name: '',
      certFile: user['client-certificate'],
      certData: user['client-certificate-data'],
      keyFile: user['client-key'],
      keyData: user['client-key-data'],
      ...(plugin ? { authProvider: { name: PLUGIN } } : bearer(user)),
    },
  );
  return config;
};

/** Like in kubectl, a token file takes precedence over a token if it exists. client-node calls it an auth provider. */
const bearer = (user: UserEntry): { token?: string; authProvider?: object } => {
  const { token, tokenFile, 'auth-provider': provider } = user;
  if (tokenFile && (!token || existsSync(tokenFile))) return { authProvider: { name: 'file', config: { tokenFile } } };
  if (token || !provider) return { token };
  return { token: usableIdToken(provider.config) };
};

const PLUGIN = 'plugin';

const authenticator = (plugin: ExecPlugin): Parameters<KubeConfig['addAuthenticator']>[0] => ({
  isAuthProvider: ({ authProvider }) => authProvider?.name === PLUGIN,
  applyAuthentication: async (_user, options) => {
    const { token, certificate, key } = await plugin.credential();
    if (certificate) Object.assign(options, { cert: certificate, key });
    if (token) Object.assign(options.headers ?? {}, { Authorization: `Bearer ${token}` });
  },
});

/** What a plugin learns of the server. */
const execCluster = (cluster: ClusterEntry): object => {
  const ca = cluster['certificate-authority']
    ? readFileSync(cluster['certificate-authority'])
    : Buffer.from(cluster['certificate-authority-data'], 'base64');
  const extension = cluster.extensions.find(({ name }) => name === 'client.authentication.k8s.io/exec')?.extension;
  const info = {
    'tls-server-name': cluster['tls-server-name'],
    'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
    'certificate-authority-data': ca.toString('base64'),
    'proxy-url': cluster['proxy-url'],
    'disable-compression': cluster['disable-compression'],
  };
  const known = Object.fromEntries(Object.entries(info).filter(([, value]) => value));
  return { server: cluster.server, ...known, config: extension ?? null };
};

const basic = ({ username, password }: UserEntry): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

const pem = (value: RequestOptions['ca'] | RequestOptions['key']): string => (value ? String(value) : '');
