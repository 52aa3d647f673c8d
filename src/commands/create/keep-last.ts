import type { Context } from '../../cli/context.ts';
import { basesInUse } from '../../cluster/bases-in-use.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { beyondLast, deletePreload } from '../../cluster/delete-preload.ts';
import { listPreloads } from '../../cluster/preloads.ts';
import { hasPrefix } from '../../model/generations.ts';
import { USAGE_NAME } from '../../model/names.ts';
import type { SavedRun } from '../../model/saved-run.ts';
import type { PreloadSummary } from '../../model/summary.ts';

/** What --keep-last needs to know when the new preload is ready. */
export interface KeepLast {
  prefix: string;
  count: number;
  /** preloads that were ready when this run began; another run may have made any other for itself */
  before: ReadonlySet<string>;
}

const identity = ({ name, created }: PreloadSummary): string => `${name} ${created}`;

/** Must be called before the new preload is created. */
export const beginKeepLast = async (
  cluster: Cluster,
  keepLast: SavedRun['keepLast'],
  signal: AbortSignal,
): Promise<KeepLast | undefined> => {
  if (!keepLast) return undefined;
  const preloads = await listPreloads(cluster, { namespace: cluster.namespace }, signal);
  return { ...keepLast, before: new Set(preloads.filter(({ phase }) => phase === 'Ready').map(identity)) };
};

/** Deletes the preloads that the new one replaces. Never throws: the new one is there, so failures are warnings. */
export const deleteOlder = async (
  cluster: Cluster,
  made: PreloadSummary,
  keepLast: KeepLast,
  context: Context,
): Promise<void> => {
  const { progress, signal } = context;
  try {
    const expired = await expiredPreloads(cluster, made, keepLast, signal);
    const bases = expired.length > 0 ? await basesInUse(cluster, signal) : new Map<string, string>();
    for (const preload of expired) {
      const user = bases.get(preload.name);
      if (user)
        progress.warn(`preload ${preload.name} stays for now: preload ${user}, which is being created, starts from it`);
      else await deleteOne(cluster, preload, context);
    }
  } catch (error) {
    progress.warn(`could not delete older preloads with the prefix ${keepLast.prefix}: ${(error as Error).message}`);
  }
};

const expiredPreloads = async (
  cluster: Cluster,
  made: PreloadSummary,
  { prefix, count, before }: KeepLast,
  signal: AbortSignal,
): Promise<PreloadSummary[]> => {
  const all = await listPreloads(cluster, { namespace: cluster.namespace }, signal);
  const others = all.filter(({ name, phase }) => name !== made.name && phase === 'Ready' && hasPrefix(name, prefix));
  for (const { name, platform } of others) {
    if (platform) continue;
    cluster.warn(
      `preload ${name} has no record, so its platform is unknown; if it is no longer needed, ${remedy(name, made)}`,
    );
  }
  const peers = [...others.filter(({ platform }) => platform && platform === made.platform), made];
  return beyondLast(peers, prefix, count).filter((preload) => before.has(identity(preload)));
};

const remedy = (name: string, { namespace }: PreloadSummary): string =>
  `delete it with: ${USAGE_NAME} delete ${name} -n ${namespace}`;

const deleteOne = async (cluster: Cluster, preload: PreloadSummary, { progress, signal }: Context): Promise<void> => {
  const { name } = preload;
  try {
    const deletion = await deletePreload(cluster, preload, signal);
    if (!deletion) return;
    const { snapshotId = 'its snapshot', deletionPolicy } = deletion;
    if (deletionPolicy === 'Delete') progress.done(`Deleted preload ${name} with ${snapshotId}`);
    else if (deletionPolicy)
      progress.warn(
        `deleted preload ${name}, but ${snapshotId} stays in the storage, where it costs money, until you delete it there (deletionPolicy ${deletionPolicy})`,
      );
    else progress.warn(`deleted preload ${name}; this user may not see whether its snapshot stays in the storage`);
  } catch (error) {
    progress.warn(`could not delete preload ${name}: ${(error as Error).message}; ${remedy(name, preload)}`);
  }
};
