import type { Context } from '../../cli/context.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { findPreload } from '../../cluster/find-preload.ts';
import { readRecord } from '../../cluster/records.ts';
import { regionOf } from '../../cluster/regions.ts';
import { readySnapshot, restoreSize, snapshotHandle } from '../../cluster/snapshots.ts';
import type { Recipe } from '../../manifests/recipes/recipe.ts';
import { RECIPES } from '../../manifests/recipes/recipes.ts';
import { PreloadError } from '../../model/errors.ts';
import { statusCommand } from '../../model/names.ts';
import { NODE_DISK, type NodeDisk } from '../../model/node-disk.ts';
import { parse } from '../../model/parse.ts';
import type { RecipeOptions } from './command.ts';

/** Text of `recipe` for a ready preload. Throws PreloadError if nodes of that kind cannot use it. */
export const nodeRecipe = async (
  recipe: Recipe,
  options: RecipeOptions & { name: string },
  { env, progress, signal }: Context,
): Promise<string> => {
  const cluster = await connect(options, env, progress.warn);
  const disk = await readDisk(cluster, options.name, signal);
  checkFits(recipe, disk);
  return recipe.text(disk);
};

const AGAIN = 'create the preload again';

/** Returns what nodes need to know of a preload; `name` may be a prefix. Throws PreloadError if something is missing. */
export const readDisk = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<NodeDisk> => {
  const { name: found, namespace, phase } = await findPreload(cluster, name, undefined, signal);
  if (phase !== 'Ready')
    throw new PreloadError(`preload "${found}" is not ready: ${phase}`, `see: ${statusCommand(found, namespace)}`);
  const snapshot = await readySnapshot(cluster, found, 'run the command again', signal);
  const record = await readRecord(cluster, snapshot, AGAIN, signal);
  const { snapshotId, driver } = (await snapshotHandle(cluster, snapshot, signal)) ?? {};
  const missing = (what: string, remedy: string) =>
    new PreloadError(`preload "${found}" has no ${what}, which nodes need`, remedy);
  if (snapshotId === undefined) throw missing('known snapshot ID', 'ask for the right to get volumesnapshotcontents');
  if (record.uuid === null) throw missing('UUID of its filesystem', AGAIN);
  if (record.contentsDigest === undefined) throw missing('digest of its contents', AGAIN);
  const { uuid: filesystem, platform, set, contentsDigest } = record;
  const size = restoreSize(snapshot);
  const region = await regionOf(cluster, record.node, signal);
  return parse(NODE_DISK, {
    ...{ name: found, namespace, snapshotId, driver, filesystem, platform, set, contentsDigest, size, region },
  });
};

const fits = ({ drivers, platforms }: Recipe, { driver, platform }: NodeDisk): boolean =>
  (drivers?.includes(driver) ?? true) && (platforms?.includes(platform) ?? true);

const checkFits = (recipe: Recipe, disk: NodeDisk): void => {
  if (fits(recipe, disk)) return;
  const { target, drivers } = recipe;
  const { name, driver, platform } = disk;
  const isOfDriver = drivers?.includes(driver) ?? true;
  const reason = isOfDriver
    ? `${target} has no machines for ${platform}, the platform of preload "${name}"`
    : `${target} cannot use a snapshot of ${driver}, which preload "${name}" has`;
  const others = [...RECIPES.filter((each) => fits(each, disk)).map((each) => each.target), 'daemonset'];
  throw new PreloadError(reason, `targets that can: ${others.join(', ')}`);
};
