import { randomUUID } from 'node:crypto';
import { PreloadError, reasonOf } from '../model/errors.ts';
import type { Environment } from '../net/proxy.ts';
import { type Authenticate, createAuthenticate } from './access.ts';
import { podAccount } from './in-cluster.ts';
import type { Fields } from './kubeconfig.ts';
import {
  type ClusterEntry,
  parseCluster,
  parseContext,
  parseUser,
  serverUrl,
  type UserEntry,
  unusable,
} from './kubeconfig-entries.ts';
import { loadKubeconfig } from './kubeconfig-files.ts';
import { newWeather, type Weather } from './weather.ts';

export interface ConnectionFlags {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  as?: string | undefined;
  asGroup?: string[] | undefined;
  asUid?: string | undefined;
  namespace?: string | undefined;
  /** milliseconds */
  requestTimeout: number;
  /** milliseconds for which a request is repeated while the server is away; short by default */
  patience?: number;
  /** set if no user waits: credential plugins may not prompt then, and are killed when this is aborted */
  unattended?: AbortSignal;
  /** of what this run creates; see DEADLINE_ANNOTATION */
  deadline?: string;
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
  authenticate: Authenticate;
  /** URL without a trailing slash */
  server: string;
  /** `-n`, else the context's, else in a pod the pod's, else `default` */
  namespace: string;
  /** milliseconds */
  requestTimeout: number;
  remedies: Remedies;
  /** random; every object that this run creates has it as an annotation */
  run: string;
  /** every object that this run creates has it as an annotation, too */
  deadline: string | undefined;
  weather: Weather;
  /** shows a warning, such as one from the API server; each text only once */
  warn: (text: string) => void;
}

/**
 * Returns the API server, user and namespace that kubectl would use with these flags. Logs in first, as a plugin may ask
 * the user, and a spinner would hide that. Throws PreloadError.
 */
export const connect = async (
  flags: ConnectionFlags,
  environment: Environment,
  warn: (text: string) => void,
): Promise<Cluster> => {
  const { remedies = FLAG_REMEDIES, requestTimeout, unattended } = flags;
  const { cluster, user, namespace } = chooseEntries(flags, environment, remedies);
  const url = serverUrl(cluster.server);
  const login = createAuthenticate({ url, cluster, user, environment, unattended });
  const authenticate: Authenticate = (refused) =>
    login(refused).catch((error: Error) => {
      throw unusable(reasonOf(error), error instanceof PreloadError ? error.hint : undefined);
    });
  await authenticate();
  const seen = new Set<string>();
  return {
    authenticate,
    server: `${url.origin}${url.pathname}`.replace(/\/$/, ''),
    namespace: flags.namespace ?? namespace,
    requestTimeout,
    remedies,
    run: randomUUID(),
    deadline: flags.deadline,
    weather: newWeather(flags.patience),
    warn: (text) => {
      if (!seen.has(text)) warn(text);
      seen.add(text);
    },
  };
};

interface Entries {
  cluster: ClusterEntry;
  user: UserEntry;
  namespace: string;
}

const chooseEntries = (flags: ConnectionFlags, environment: Environment, remedies: Remedies): Entries => {
  const { kubeconfig, missing } = load(flags.kubeconfig, environment, remedies);
  const name = flags.context || kubeconfig.currentContext;
  const chosen = kubeconfig.contexts.get(name);
  if (name && !chosen) throw new PreloadError(`context "${name}" does not exist`, 'see: kubectl config get-contexts');
  const context = parseContext(chosen ?? {}, `context "${name}"`);
  const impersonated = {
    ...(flags.as && { as: flags.as }),
    ...(flags.asUid && { 'as-uid': flags.asUid }),
    ...(flags.asGroup && { 'as-groups': flags.asGroup }),
  };
  const ofEntries = (cluster: Fields, user: Fields, namespace: string): Entries => ({
    cluster: parseCluster(cluster, `cluster "${context.cluster}"`),
    user: parseUser({ ...user, ...impersonated }, `user "${context.user}"`),
    namespace,
  });
  const cluster = kubeconfig.clusters.get(context.cluster) ?? {};
  const user = kubeconfig.users.get(context.user) ?? {};
  const pod = podAccount(environment);
  if (!isEmpty(cluster)) return ofEntries(cluster, user, context.namespace || pod?.namespace || 'default');
  // like kubectl, use a pod's own service account only if no cluster is configured
  if (pod) return ofEntries(pod.cluster, pod.user, context.namespace || pod.namespace);
  const files = missing.length > 0 ? ` (missing: ${missing.join(', ')})` : '';
  throw new PreloadError(`no cluster is configured${files}`, remedies.kubeconfig);
};

const isEmpty = (fields: Fields): boolean => Object.values(fields).every((value) => !value);

const load = (flag: string | undefined, environment: Environment, remedies: Remedies) => {
  try {
    return loadKubeconfig(flag, environment);
  } catch (error) {
    throw new PreloadError(`cannot read the kubeconfig: ${reasonOf(error as Error)}`, remedies.kubeconfig);
  }
};
