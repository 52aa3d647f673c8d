import { ApiError, PreloadError } from '../model/errors.ts';
import { hasPrefix, isPrefix, newestFirst } from '../model/generations.ts';
import { USAGE_NAME } from '../model/names.ts';
import type { PreloadSummary } from '../model/summary.ts';
import type { Cluster } from './connection.ts';
import { listPreloads } from './preloads.ts';

/**
 * Returns the preload `name` in the cluster's namespace; if it ends with "-", the newest ready one with that prefix, and with
 * this platform if there is one. Throws ApiError NotFound, or PreloadError if no preload with the prefix is ready.
 */
export const findPreload = async (
  cluster: Cluster,
  name: string,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<PreloadSummary> => {
  const { namespace } = cluster;
  if (!isPrefix(name)) {
    const [found] = await listPreloads(cluster, { namespace, name }, signal);
    if (found) return found;
    throw new ApiError(404, 'NotFound', `preloads "${name}" not found`);
  }
  const newest = newestReady(await listPreloads(cluster, { namespace }, signal), name, platform);
  if (newest) return newest;
  throw new PreloadError(
    `no preload with the prefix "${name}"${platform ? ` for ${platform}` : ''} is ready in namespace "${namespace}"`,
    `see: ${USAGE_NAME} status -n ${namespace}`,
  );
};

/** The newest ready one of `preloads` whose name is `prefix` and a time. */
export const newestReady = (
  preloads: readonly PreloadSummary[],
  prefix: string,
  platform?: string,
): PreloadSummary | undefined =>
  preloads
    .filter(({ name, phase }) => phase === 'Ready' && hasPrefix(name, prefix))
    .filter((preload) => !platform || !preload.platform || preload.platform === platform)
    .toSorted(newestFirst)[0];
