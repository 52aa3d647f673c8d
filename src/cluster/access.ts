import { createSecureContext, type SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import { PreloadError } from '../model/errors.ts';
import { createDispatcher } from '../net/dispatcher.ts';
import { proxyFor } from '../net/proxy.ts';
import type { PluginPlace } from './exec-plugin.ts';
import { impersonationHeaders } from './impersonation.ts';
import type { ClusterEntry, UserEntry } from './kubeconfig-entries.ts';
import { type Credentials, createLogin } from './login.ts';
import { certificatesIn, systemCas } from './trusted-cas.ts';

/** Sends requests to the API server as the user, over connections that it keeps. */
export type Access = Dispatcher;

/**
 * Returns the access with the credentials that are valid now: the same object until they change. Given access that the
 * server has `refused` with 401, renews what can be renewed; the same object again means that nothing could.
 */
export type Authenticate = (refused?: Access) => Promise<Access>;

/** Everything that decides who talks to which server, and how. */
interface Route extends PluginPlace {
  url: URL;
  cluster: ClusterEntry;
  user: UserEntry;
}

/** Logs in on the first call. Like kubectl, gives an http server no credentials. */
export const createAuthenticate = (route: Route): Authenticate => {
  const { url, cluster, user } = route;
  const login = url.protocol === 'https:' ? createLogin(cluster, user, route) : async () => NOBODY;
  let current: { credentials: Credentials; access: Access } | undefined;
  const next = async (refused: Access | undefined): Promise<Access> => {
    const credentials = await login(refused !== undefined && refused === current?.access);
    if (current && isSame(current.credentials, credentials)) return current.access;
    current = { credentials, access: await open(route, credentials) };
    return current.access;
  };
  // one after the other, so that a plugin does not ask the user twice
  let last: Promise<unknown> = Promise.resolve();
  return (refused) => {
    const result = last.then(() => next(refused));
    last = result.catch(() => {});
    return result;
  };
};

const NOBODY: Credentials = { ca: '', certificate: '', key: '', authorization: '' };

const isSame = (a: Credentials, b: Credentials): boolean =>
  a.ca === b.ca && a.certificate === b.certificate && a.key === b.key && a.authorization === b.authorization;

// milliseconds
const CONNECT = 30_000; // as in kubectl
const KEEP_ALIVE = 30_000; // less than API servers and load balancers keep an idle connection

const open = async (route: Route, credentials: Credentials): Promise<Access> => {
  const { url, cluster, user } = route;
  const proxy = proxyOf(route);
  const needsTls = [url, proxy].some((end) => end?.protocol === 'https:');
  const connect = { ...(needsTls && (await tlsOptions(route, credentials))), timeout: CONNECT };
  const headers = {
    ...impersonationHeaders(user),
    ...(credentials.authorization && { authorization: credentials.authorization }),
    ...(cluster['disable-compression'] && { 'accept-encoding': 'identity' }),
  };
  const pool = createDispatcher(connect, proxy && { url: proxy, tls: connect }, { keepAliveTimeout: KEEP_ALIVE });
  // not by fetch, which cannot send a header twice
  return pool.compose((dispatch) => (options, handler) => {
    const isOurs = String(options.origin) === url.origin; // and not where a redirect leads
    return dispatch(isOurs ? { ...options, headers: { ...options.headers, ...headers } } : options, handler);
  });
};

const proxyOf = ({ url, cluster, environment }: Route): URL | undefined => {
  const proxy = cluster['proxy-url'] || proxyFor(url, environment);
  if (proxy && !URL.canParse(proxy))
    throw new PreloadError('the proxy in the environment is not a valid URL', 'see: env | grep -i _proxy');
  return proxy ? new URL(proxy) : undefined;
};

const tlsOptions = async ({ cluster, environment }: Route, { ca, certificate, key }: Credentials) => {
  const isChecked = !cluster['insecure-skip-tls-verify'];
  const trusted = ca || !isChecked ? certificatesIn(ca) : await systemCas(environment);
  if (ca && trusted.length === 0) throw new PreloadError('the certificate authority has no certificate');
  const servername = cluster['tls-server-name'];
  return {
    secureContext: secureContext(trusted, certificate, key),
    rejectUnauthorized: isChecked,
    ...(servername && { servername }),
  };
};

/** As in Go, each trusted certificate is enough, also one that is not self-signed. */
const secureContext = (ca: string[], cert: string, key: string): SecureContext => {
  try {
    return createSecureContext({ ca, allowPartialTrustChain: true, ...(cert && { cert, key }) });
  } catch (error) {
    const reason = (error as Error).message.replace(/^error:.*:/, '');
    throw new PreloadError(`the client certificate or its key is invalid: ${reason}`);
  }
};
