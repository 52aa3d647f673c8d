import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { PreloadError, reasonOf } from '../model/errors.ts';
import type { Fields, Kubeconfig } from './kubeconfig.ts';
import { type Environment, loadKubeconfig } from './kubeconfig-files.ts';
import { newWeather, type Weather } from './weather.ts';

interface ConnectionFlags {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  as?: string | undefined;
  namespace?: string | undefined;
  /** milliseconds */
  requestTimeout: number;
  /** milliseconds for which a request is repeated while the server is away; short by default */
  patience?: number;
  /** of a command without these flags */
  remedies?: Remedies;
}

/** What to do about a connection that fails, in the flags of the command that was typed. */
interface Remedies {
  kubeconfig: string;
  /** if the server is slow */
  slow: string;
}

const FLAG_REMEDIES: Remedies = {
  kubeconfig: 'set KUBECONFIG, or specify a file with --kubeconfig',
  slow: 'raise --request-timeout',
};

/** One API server, as one user, for one run of a command. */
export interface Cluster {
  config: KubeConfig;
  /** URL without a trailing slash */
  server: string;
  /** `-n`, else the context's, else `default` */
  namespace: string;
  /** milliseconds */
  requestTimeout: number;
  remedies: Remedies;
  /** random; every object that this run creates has it as an annotation */
  run: string;
  weather: Weather;
  /** shows a warning, such as one from the API server; each text only once */
  warn: (text: string) => void;
}

const POD_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Returns the API server, user and namespace that kubectl would use with these flags. Throws PreloadError. */
export const connect = (flags: ConnectionFlags, environment: Environment, warn: (text: string) => void): Cluster => {
  const { remedies = FLAG_REMEDIES } = flags;
  const { kubeconfig, missing } = load(flags.kubeconfig, environment, remedies);
  const name = flags.context || kubeconfig.currentContext;
  if (name && !kubeconfig.contexts.has(name)) {
    throw new PreloadError(`context "${name}" does not exist`, 'see: kubectl config get-contexts');
  }
  const config = new KubeConfig();
  // like kubectl, use a pod's own service account only if no context is set
  if (!name && existsSync(POD_TOKEN)) config.loadFromCluster();
  else config.loadFromString(clientDocument(kubeconfig, name), { onInvalidEntry: 'filter' });
  const context = config.getContextObject(config.getCurrentContext());
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    const files = missing.length > 0 ? ` (missing: ${missing.join(', ')})` : '';
    throw new PreloadError(`no cluster is configured${files}`, remedies.kubeconfig);
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
    remedies,
    run: randomUUID(),
    weather: newWeather(flags.patience),
    warn: (text) => {
      if (!seen.has(text)) warn(text);
      seen.add(text);
    },
  };
};

const load = (flag: string | undefined, environment: Environment, remedies: Remedies) => {
  try {
    return loadKubeconfig(flag, environment);
  } catch (error) {
    throw new PreloadError(`cannot read the kubeconfig: ${reasonOf(error as Error)}`, remedies.kubeconfig);
  }
};

/** One document for client-node, which merges files differently from kubectl and rejects some that kubectl accepts. */
const clientDocument = ({ clusters, users, contexts }: Kubeconfig, currentContext: string): string =>
  JSON.stringify({
    'current-context': currentContext,
    clusters: [...clusters].map(([name, cluster]) => ({ name, cluster })),
    users: [...users].map(([name, user]) => ({ name, user: withTokenFile(user) })),
    contexts: [...contexts].map(([name, context]) => ({ name, context })),
  });

/** client-node reads a token file only through an auth provider. Like in kubectl, it takes precedence over `token`. */
const withTokenFile = ({ tokenFile, token, ...user }: Fields): Fields =>
  tokenFile ? { ...user, 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } : { ...user, token };
