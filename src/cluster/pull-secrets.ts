import type { KubernetesObject } from '../manifests/object.ts';
import { ApiError } from '../model/errors.ts';
import type { Cluster } from './connection.ts';
import { read } from './objects.ts';

interface ServiceAccount extends KubernetesObject {
  imagePullSecrets?: { name?: string }[];
}

interface Secret extends KubernetesObject {
  type?: string;
  data?: Record<string, string>;
}

/**
 * Returns Docker configurations, JSON with `auths`, by `namespace/name` of their secret: the named secrets and those of
 * the service accounts. Warns about secrets that it cannot read and skips them.
 */
export const pullSecretsOf = async (
  cluster: Cluster,
  named: ReadonlySet<string>,
  serviceAccounts: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Map<string, string>> => {
  const secrets = new Set(named);
  for (const path of serviceAccounts) {
    const [namespace] = path.split('/');
    const account = await readAllowed<ServiceAccount>(cluster, 'ServiceAccount', path, signal);
    for (const secret of account?.imagePullSecrets ?? []) secrets.add(`${namespace}/${secret.name}`);
  }
  const configs = new Map<string, string>();
  for (const path of secrets) {
    const secret = await readAllowed<Secret>(cluster, 'Secret', path, signal);
    const config = secret && dockerConfig(secret);
    if (config) configs.set(path, config);
  }
  return configs;
};

const dockerConfig = ({ data = {} }: Secret): string | undefined => {
  const decode = (base64: string) => Buffer.from(base64, 'base64').toString();
  if (data['.dockerconfigjson']) return decode(data['.dockerconfigjson']);
  return data['.dockercfg'] && `{"auths":${decode(data['.dockercfg'])}}`;
};

const readAllowed = async <T>(
  cluster: Cluster,
  kind: 'ServiceAccount' | 'Secret',
  path: string,
  signal: AbortSignal,
): Promise<T | undefined> => {
  const [namespace = '', name = ''] = path.split('/');
  try {
    return await read<T>(cluster, kind, name, { namespace, signal });
  } catch (error) {
    // any other failure would silently leave out images that need the secret
    if (!(error instanceof ApiError && error.reason === 'Forbidden')) throw error;
    cluster.warn(`cannot read ${kind} ${path}, so it is not used to pull images: ${error.message}`);
    return undefined;
  }
};
