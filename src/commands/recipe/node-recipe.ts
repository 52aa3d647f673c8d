import type { Context } from '../../cli/context.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { findPreload } from '../../cluster/find-preload.ts';
import { readRecord } from '../../cluster/records.ts';
import { readySnapshot, restoreSize, snapshotHandle } from '../../cluster/snapshots.ts';
import type { NodeDisk, Recipe } from '../../manifests/recipes/recipe.ts';
import { PreloadError } from '../../model/errors.ts';
import type { RecipeOptions } from './command.ts';

/** Text of `recipe` for a ready preload. Throws PreloadError if it cannot be used for that. */
export const nodeRecipe = async (
  recipe: Recipe,
  options: RecipeOptions & { name: string },
  { env, progress, signal }: Context,
): Promise<string> => {
  const cluster = await connect(options, env, progress.warn);
  return recipe.text(await readDisk(cluster, options.name, signal));
};

/** Returns what nodes need to know of a preload; `name` may be a prefix. Throws PreloadError if something is missing. */
export const readDisk = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<NodeDisk> => {
  const preload = await findPreload(cluster, name, undefined, signal);
  const snapshot = await readySnapshot(cluster, preload.name, 'wait until it is ready, or choose another', signal);
  const record = await readRecord(cluster, snapshot, 'create the preload again', signal);
  const handle = await snapshotHandle(cluster, snapshot, signal);
  const { snapshotId, driver } = handle ?? {};
  const { uuid: filesystem, contentsDigest, platform } = record;
  if (!snapshotId || !driver || filesystem === null || !contentsDigest) throw new PreloadError('todo');
  return {
    ...{ name: preload.name, namespace: preload.namespace, snapshotId, driver, filesystem, platform, contentsDigest },
    size: restoreSize(snapshot),
    region: undefined,
  };
};
