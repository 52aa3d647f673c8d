import type { Context } from '../../cli/context.ts';
import { describeFailure, failureOf } from '../../cli/failure.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { UNTIL_DEADLINE } from '../../cluster/weather.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import { PreloadError } from '../../model/errors.ts';
import { withDeadline } from '../deadline.ts';
import { checkSelection, type DeleteOptions } from './command.ts';
import { leftoverTargets } from './leftovers.ts';
import { preloadTargets } from './preloads.ts';
import { reportDeleted, reportKept } from './storage.ts';
import type { Removed, Target } from './target.ts';
import { waitUntilGone } from './wait.ts';

export const runDelete = async (options: DeleteOptions, context: Context): Promise<void> => {
  const { env, progress, style } = context;
  const { timeout, leftovers, allNamespaces } = options;
  checkSelection(options);
  const cluster = await connect({ ...options, patience: UNTIL_DEADLINE }, env, progress.warn);
  const find = leftovers ? leftoverTargets : preloadTargets;
  const found = await withDeadline(timeout, context, (limited) => find(cluster, options, limited));
  const targets = (await mayDelete(found.targets, options, context)) ? found.targets : [];
  const failed = await withDeadline(timeout, context, (limited) => deleteAll(cluster, targets, options, limited));
  const failures = [...found.failures, ...failed];
  // as kubectl does, report each of them
  for (const failure of failures.slice(0, -1))
    progress.error(describeFailure(failure, 'delete', style) ?? '', failureOf(failure));
  const last = failures.at(-1);
  if (last) throw last;
  if (found.targets.length > 0 && targets.length === 0) progress.note('Nothing was deleted.');
  if (found.targets.length === 0)
    progress.note(`Nothing to delete${allNamespaces ? '' : ` in ${cluster.namespace} namespace`}.`);
};

/** Asks on a terminal. Without one there is nobody to ask, and as with kubectl, that is no reason to stop. */
const mayDelete = async (targets: readonly Target[], options: DeleteOptions, context: Context): Promise<boolean> => {
  const { ask, progress } = context;
  if (targets.length === 0 || options.yes || options.dryRun !== 'none' || !ask) return true;
  progress.note('This deletes:');
  for (const { objects, outlook } of targets) {
    for (const object of objects) progress.note(`  ${placeOf(object, options)}`);
    if (outlook) progress.note(`    ${outlook}`);
  }
  return /^y(es)?$/i.test((await ask('Continue? [y/N] ')).trim());
};

/** Deletes one after the other, then waits for all. Returns why some could not be deleted. */
const deleteAll = async (
  cluster: Cluster,
  targets: readonly Target[],
  options: DeleteOptions,
  context: Context,
): Promise<Error[]> => {
  const { print, signal, progress } = context;
  const done: Removed[] = [];
  const failed: Error[] = [];
  for (const target of targets) {
    try {
      const removed =
        options.dryRun === 'client' ? target : await target.remove({ signal, dryRun: options.dryRun === 'server' });
      for (const object of removed.objects) print(describeDeleted(object, options));
      if (options.dryRun === 'none') done.push(removed);
      else if (target.outlook) progress.note(target.outlook);
    } catch (error) {
      signal.throwIfAborted();
      failed.push(error as Error);
    }
  }
  const objects = done.flatMap((removed) => removed.objects);
  for (const { deletion } of done) if (deletion) reportKept(deletion, context);
  try {
    if (options.wait && objects.length > 0) await waitUntilGone(cluster, objects, context);
    for (const { deletion } of done) if (deletion) reportDeleted(deletion, options.wait, context);
  } catch (error) {
    if (!(error instanceof PreloadError)) throw error;
    failed.push(error);
  }
  return failed;
};

const SUFFIXES = { none: '', client: ' (dry run)', server: ' (server dry run)' };

const describeDeleted = (object: KubernetesObject, options: DeleteOptions): string =>
  options.output === 'name' ? objectName(object) : `${placeOf(object, options)} deleted${SUFFIXES[options.dryRun]}`;

/** With its namespace if that is not the same for all. */
const placeOf = (object: KubernetesObject, { allNamespaces }: DeleteOptions): string =>
  allNamespaces ? `${objectName(object)} -n ${object.metadata.namespace}` : objectName(object);
