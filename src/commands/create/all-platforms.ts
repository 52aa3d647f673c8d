import type { Context } from '../../cli/context.ts';
import { shareProgress } from '../../cli/shared-progress.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { clusterPlatforms } from '../../cluster/nodes.ts';
import { ApiError, PreloadError } from '../../model/errors.ts';
import { parsePlatform } from '../../model/platform.ts';
import type { CreateOptions } from './command.ts';

export interface Outcomes<T> {
  results: T[];
  /** why some platforms have no result; undefined if all have one */
  failure?: Error;
}

/**
 * Does `work` for each platform of the cluster's nodes; one that fails does not end others. All at the same time, because
 * they share the time limit: a platform whose node does not become ready must not use it up.
 */
export const forAllPlatforms = async <T>(
  cluster: Cluster,
  options: CreateOptions,
  context: Context,
  work: (options: CreateOptions, context: Context) => Promise<T>,
): Promise<Outcomes<T>> => {
  const { progress, signal } = context;
  const { open, closed } = await clusterPlatforms(cluster, options.toleration, signal);
  for (const platform of closed)
    progress.warn(`no preload for ${platform}: all its nodes are cordoned or have taints; see --toleration`);
  const progressOf = shareProgress(progress);
  const settled = await Promise.allSettled(
    open.map((platform) => {
      const report = options.report && `${options.report}-${architecture(platform)}`;
      return work({ ...options, platform, report }, { ...context, progress: progressOf(platform) });
    }),
  );
  const failed = settled.flatMap((each, index) =>
    each.status === 'rejected' ? [{ platform: open[index] ?? '', error: each.reason as Error }] : [],
  );
  const results = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  return { results, ...(failed.length > 0 && { failure: summarize(failed, open.length) }) };
};

/** Of a platform such as linux/amd64, for a name. */
export const architecture = (platform: string): string => parsePlatform(platform).architecture ?? '';

interface Failed {
  platform: string;
  error: Error;
}

/** One error for all; an interruption, or a bug in this program, as it is. */
const summarize = (failed: readonly Failed[], count: number): Error => {
  const expected = failed.filter(({ error }) => error instanceof PreloadError || error instanceof ApiError);
  const other = failed.find((each) => !expected.includes(each));
  if (other) return other.error;
  const lines = failed.map(({ platform, error }) => {
    const hint = error instanceof PreloadError && error.hint ? `; ${error.hint}` : '';
    return `${platform}: ${error.message}${hint}`;
  });
  return new PreloadError([`${failed.length} of ${count} preloads failed`, ...lines].join('\n  '));
};
