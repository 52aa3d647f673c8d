import { isIP, type LookupFunction, setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import type { SecureContext } from 'node:tls';
import { SocksClient } from 'socks';
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';

// Node gives up each address of a server but the last after this time, and its own 250 ms are too short for a distant one, or if
// a packet is lost, which costs a second. Go keeps all attempts.
setDefaultAutoSelectFamilyAttemptTimeout(1500);

/** How to connect, and for TLS whom to trust. */
interface Connect {
  secureContext?: SecureContext;
  rejectUnauthorized?: boolean;
  /** name in the server's certificate, if it is not the one in the URL */
  servername?: string;
  lookup?: LookupFunction;
  /** milliseconds */
  timeout: number;
}

interface Proxy {
  /** http, https, socks5 or socks5h */
  url: URL;
  /** for the connection with an https proxy */
  tls: Connect;
}

interface Pooling {
  /** milliseconds that an idle connection is kept */
  keepAliveTimeout?: number;
}

/** A pool of connections, directly or through a proxy. HTTP/1.1, so that one broken connection breaks one request. */
export const createDispatcher = (connect: Connect, proxy?: Proxy, pooling: Pooling = {}): Dispatcher => {
  const options = { ...pooling, allowH2: false };
  if (!proxy) return new Agent({ ...options, connect });
  if (proxy.url.protocol.startsWith('socks'))
    return new Agent({ ...options, connect: throughSocks(proxy.url, connect) });
  const own = { connect: toProxy(proxy) };
  return new ProxyAgent({
    ...options,
    uri: proxy.url.href,
    requestTls: connect,
    proxyTls: proxy.tls,
    // for CONNECT
    clientFactory: (origin, given) => new Pool(origin, { ...given, ...own, headersTimeout: connect.timeout }),
    // for requests to http servers, and for what goes through tunnels
    factory: (origin, given) => new Pool(origin, { ...given, ...(String(origin) === proxy.url.href && own) }),
  });
};

/** Without the name for TLS that undici sets also if it is an IP address, which Node refuses. */
const toProxy = ({ url, tls }: Proxy): buildConnector.connector => {
  const connect = buildConnector({ ...tls, allowH2: false });
  const isAddress = isIP(bare(url.hostname)) > 0;
  return (options, callback) =>
    connect(isAddress ? { ...options, servername: '' } : options, (...result: Parameters<typeof callback>) =>
      result[0] ? callback(proxyFailure(url, result[0]), null) : callback(...result),
    );
};

const SOCKS_PORT = 1080;

/** Not undici's own, which is experimental and says so on standard error, and sends IP addresses as names for TLS. */
const throughSocks = (url: URL, connect: Connect): buildConnector.connector => {
  const startTls = buildConnector({ ...connect, allowH2: false });
  const proxy = {
    type: 5 as const,
    host: bare(url.hostname),
    port: Number(url.port || SOCKS_PORT),
    ...(url.username && { userId: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
  };
  return (options, callback) => {
    const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80));
    const destination = { host: bare(options.hostname), port };
    SocksClient.createConnection({ proxy, command: 'connect', destination, timeout: connect.timeout }).then(
      ({ socket }) =>
        options.protocol === 'https:' ? startTls({ ...options, httpSocket: socket }, callback) : callback(null, socket),
      (error: Error) => callback(proxyFailure(url, error), null),
    );
  };
};

/** Not with the code of `error`, which would be taken for an error of the server. */
const proxyFailure = (url: URL, error: NodeJS.ErrnoException): Error => {
  const code = error.code ?? (/timed out/.test(error.message) ? 'TIMEOUT' : 'FAILED');
  return Object.assign(new Error(`proxy ${url.host}: ${error.message || code}`), { code: `PROXY_${code}` });
};

/** IPv6 addresses are in brackets only in URLs. */
const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');
