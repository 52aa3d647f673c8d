import type * as v from 'valibot';
import { SECRET, SERVICE_ACCOUNT } from '../model/cluster-objects.ts';
import { ApiError } from '../model/errors.ts';
import { forEachParallel } from '../model/parallel.ts';
import type { PullSecret } from '../model/pull-secret.ts';
import type { Cluster } from './connection.ts';
import { read } from './objects.ts';

const PARALLEL = 16;

/**
 * Returns the pull secrets with these paths and those of the service accounts, sorted; all paths are `namespace/name`.
 * Skips secrets that do not exist, and those that this user may not read, with a warning.
 */
export const readPullSecrets = async (
  cluster: Cluster,
  named: Iterable<string>,
  serviceAccounts: Iterable<string>,
  signal: AbortSignal,
): Promise<PullSecret[]> => {
  const paths = new Set(named);
  await forEachParallel([...serviceAccounts], PARALLEL, async (path) => {
    const [namespace] = path.split('/');
    const account = await readAllowed(cluster, 'ServiceAccount', SERVICE_ACCOUNT, path, signal);
    for (const { name } of account?.imagePullSecrets ?? []) if (name) paths.add(`${namespace}/${name}`);
  });
  const configs = new Map<string, string>();
  await forEachParallel([...paths], PARALLEL, async (path) => {
    const secret = await readAllowed(cluster, 'Secret', SECRET, path, signal);
    const config = secret && dockerConfig(secret);
    if (config) configs.set(path, config);
  });
  return [...configs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, config]) => {
      const [namespace = '', name = ''] = path.split('/');
      return { namespace, name, config };
    });
};

const dockerConfig = ({ data = {} }: v.InferOutput<typeof SECRET>): string | undefined => {
  const decode = (base64: string) => Buffer.from(base64, 'base64').toString();
  if (data['.dockerconfigjson']) return decode(data['.dockerconfigjson']);
  return data['.dockercfg'] && `{"auths":${decode(data['.dockercfg'])}}`;
};

const readAllowed = async <S extends v.GenericSchema>(
  cluster: Cluster,
  kind: 'ServiceAccount' | 'Secret',
  schema: S,
  path: string,
  signal: AbortSignal,
): Promise<v.InferOutput<S> | undefined> => {
  const [namespace = '', name = ''] = path.split('/');
  try {
    return await read(cluster, kind, schema, name, { namespace, signal });
  } catch (error) {
    // any other failure would silently leave out images that need the secret
    if (!(error instanceof ApiError && error.reason === 'Forbidden')) throw error;
    cluster.warn(`cannot read ${kind} ${path}, so it is not used to pull images: ${error.message}`);
    return undefined;
  }
};
