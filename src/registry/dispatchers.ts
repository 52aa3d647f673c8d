import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import { CA_BUNDLES } from '../net/ca-files.ts';
import { createDispatcher } from '../net/dispatcher.ts';
import { proxyFor } from '../net/proxy.ts';
import { readNodeFile } from '../node/files.ts';
import { RegistryFailure } from './failure.ts';
import type { HostTls } from './hosts.ts';
import { lookupFar } from './near.ts';
import type { Patience } from './persist.ts';

/** Connections to servers, reused between requests. */
interface Dispatchers {
  /** `onlyFar` if the name in `url` must not resolve to a near address */
  find(url: URL, tls: HostTls, onlyFar: boolean): Promise<Dispatcher>;
  close(): Promise<void>;
}

// as in Go, each trusted certificate is enough, also one that is not self-signed
const ANY_ANCHOR = { allowPartialTrustChain: true };

/** Connects like containerd with this environment on the node at `root`: with its proxies and trusted CAs. */
export const createDispatchers = async (
  root: string,
  environment: Readonly<Record<string, string>>,
  patience: Patience,
): Promise<Dispatchers> => {
  const bundles = [...(environment.SSL_CERT_FILE ? [environment.SSL_CERT_FILE] : []), ...CA_BUNDLES];
  const trusted = (await firstFile(root, bundles)) ?? rootCertificates.join('\n');
  const nodeContext = createSecureContext({ ca: trusted, ...ANY_ANCHOR });
  const known = new Map<string, Promise<Dispatcher>>();

  const create = async (tls: HostTls, onlyFar: boolean, proxy: string | undefined): Promise<Dispatcher> => {
    const plain = tls.ca.length + tls.client.length === 0;
    const secureContext = plain ? nodeContext : await contextOf(root, trusted, tls);
    const connect = { secureContext, rejectUnauthorized: !tls.skipVerify, timeout: patience.connect };
    if (!proxy) return createDispatcher({ ...connect, ...(onlyFar && { lookup: lookupFar }) });
    if (!URL.canParse(proxy))
      throw new RegistryFailure('final', "the proxy configured for the node's containerd is not a valid URL");
    const proxyTls = { secureContext: nodeContext, timeout: patience.connect };
    return createDispatcher(connect, { url: new URL(proxy), tls: proxyTls });
  };

  return {
    find: (url, tls, onlyFar) => {
      const proxy = proxyFor(url, environment);
      const key = JSON.stringify([proxy, tls, onlyFar]);
      const dispatcher = known.get(key) ?? create(tls, onlyFar, proxy);
      known.set(key, dispatcher);
      return dispatcher;
    },
    close: async () => {
      for (const dispatcher of known.values()) await (await dispatcher.catch(() => undefined))?.destroy();
    },
  };
};

const contextOf = async (root: string, trusted: string, { ca, client }: HostTls): Promise<SecureContext> => {
  const read = (files: string[]) => Promise.all(files.map((file) => readNamed(root, file)));
  const material = {
    ...ANY_ANCHOR,
    ca: [trusted, ...(await read(ca))],
    cert: await read(client.map(({ certificate }) => certificate)),
    key: await read(client.map(({ key }) => key)),
  };
  try {
    return createSecureContext(material);
  } catch {
    throw new RegistryFailure(
      'final',
      `one of the ${[...ca, ...client].length} certificate files that the node has for this registry is invalid`,
    );
  }
};

const readNamed = async (root: string, file: string): Promise<string> => {
  const text = await readNodeFile(root, file);
  if (text === undefined)
    throw new RegistryFailure('final', `the node's settings for this registry refer to ${file}, which does not exist`);
  return text;
};

const firstFile = async (root: string, files: readonly string[]): Promise<string | undefined> => {
  for (const file of files) {
    const text = await readNodeFile(root, file);
    if (text !== undefined) return text;
  }
  return undefined;
};
