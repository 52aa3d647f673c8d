import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { PreloadError } from '../model/errors.ts';
import type { Fields, Kubeconfig } from './kubeconfig.ts';
import { type Environment, loadKubeconfig } from './kubeconfig-files.ts';

export interface ConnectionFlags {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  as?: string | undefined;
  namespace?: string | undefined;
  /** milliseconds */
  requestTimeout: number;
}

/** One API server, as one user. */
export interface Cluster {
  config: KubeConfig;
  /** URL without a trailing slash */
  server: string;
  /** `-n`, else the context's, else `default` */
  namespace: string;
  /** milliseconds */
  requestTimeout: number;
  /** called with every text the API server sends in a Warning header, once each */
  warn: (text: string) => void;
}

const NAME_ONE = 'set KUBECONFIG, or name a file with --kubeconfig';
const POD_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** The API server, user and namespace that kubectl would use with these flags and this environment. */
export const connect = (flags: ConnectionFlags, environment: Environment, warn: (text: string) => void): Cluster => {
  const { kubeconfig, missing } = load(flags.kubeconfig, environment);
  const name = flags.context || kubeconfig.currentContext;
  if (name && !kubeconfig.contexts.has(name)) {
    throw new PreloadError(`context "${name}" does not exist`, 'see: kubectl config get-contexts');
  }
  const config = new KubeConfig();
  // as in kubectl, a pod's own account counts only if nothing else is chosen
  if (!name && existsSync(POD_TOKEN)) config.loadFromCluster();
  else config.loadFromString(clientDocument(kubeconfig, name), { onInvalidEntry: 'filter' });
  const context = config.getContextObject(config.getCurrentContext());
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    const files = missing.length > 0 ? ` (missing: ${missing.join(', ')})` : '';
    throw new PreloadError(`no cluster is configured${files}`, NAME_ONE);
  }
  const user = config.getCurrentUser();
  if (flags.as && user)
    config.users = [...config.users.filter((u) => u !== user), { ...user, impersonateUser: flags.as }];
  const seen = new Set<string>();
  return {
    config,
    server: cluster.server.replace(/\/$/, ''),
    namespace: flags.namespace ?? context?.namespace ?? 'default',
    requestTimeout: flags.requestTimeout,
    warn: (text) => {
      if (!seen.has(text)) warn(text);
      seen.add(text);
    },
  };
};

const load = (flag: string | undefined, environment: Environment) => {
  try {
    return loadKubeconfig(flag, environment);
  } catch (error) {
    throw new PreloadError(`cannot read the kubeconfig: ${(error as Error).message}`, NAME_ONE);
  }
};

/** For client-node, which merges files otherwise than kubectl and refuses some that kubectl takes. */
const clientDocument = ({ clusters, users, contexts }: Kubeconfig, currentContext: string): string =>
  JSON.stringify({
    'current-context': currentContext,
    clusters: [...clusters].map(([name, cluster]) => ({ name, cluster })),
    users: [...users].map(([name, user]) => ({ name, user: withTokenFile(user) })),
    contexts: [...contexts].map(([name, context]) => ({ name, context })),
  });

/** client-node knows a file with a token only as a provider; as in kubectl, it goes before `token`. */
const withTokenFile = ({ tokenFile, token, ...user }: Fields): Fields =>
  tokenFile ? { ...user, 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } : { ...user, token };
