import { KubeConfig } from '@kubernetes/client-node';
import { PreloadError } from '../model/errors.ts';

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
const NO_SERVER = 'http://localhost:8080'; // what client-node takes where nothing is configured

export const connect = (flags: ConnectionFlags, warn: (text: string) => void): Cluster => {
  const config = new KubeConfig();
  try {
    if (flags.kubeconfig) config.loadFromFile(flags.kubeconfig);
    else config.loadFromDefault();
    if (flags.context) config.setCurrentContext(flags.context);
  } catch (error) {
    throw new PreloadError(`cannot read the kubeconfig: ${(error as Error).message}`, NAME_ONE);
  }
  const context = config.getContextObject(config.getCurrentContext());
  if (flags.context && !context) {
    throw new PreloadError(`context "${flags.context}" does not exist`, 'see: kubectl config get-contexts');
  }
  const cluster = config.getCurrentCluster();
  if (!cluster || cluster.server === NO_SERVER) throw new PreloadError('no cluster is configured', NAME_ONE);
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
