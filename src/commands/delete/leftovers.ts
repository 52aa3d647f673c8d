import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { type LeftRun, listLeftRuns, removeLeftRun } from '../../cluster/left-runs.ts';
import { asObject } from '../../cluster/leftovers.ts';
import { PreloadError } from '../../model/errors.ts';
import { isKept, whyInUse } from '../../model/left-run.ts';
import { removeCommand } from '../../model/names.ts';
import type { DeleteOptions } from './command.ts';
import type { Target, Targets } from './target.ts';

/** What interrupted runs left, if they have ended. Reports what has to stay. */
export const leftoverTargets = async (
  cluster: Cluster,
  { allNamespaces }: DeleteOptions,
  { progress, signal, now }: Context,
): Promise<Targets> => {
  const namespace = allNamespaces ? undefined : cluster.namespace;
  const runs = await listLeftRuns(cluster, { namespace, secrets: 'all' }, signal);
  const targets: Target[] = [];
  for (const run of runs) {
    const { name, namespace, component, objects } = run;
    const reason = isKept(objects) ? 'it was created with --keep' : whyInUse(objects, now());
    if (!reason) targets.push(leftTarget(cluster, run, now()));
    else {
      const what = component === 'verify' ? 'the verify run' : 'the run';
      const remedy = `to remove it all the same, run: ${removeCommand(name, namespace, component)}`;
      progress.warn(`keeping what ${what} for preload ${name} in namespace ${namespace} made: ${reason}; ${remedy}`);
    }
  }
  return { targets, failures: [] };
};

/** What an ended run left; `now` in milliseconds. */
export const leftTarget = (cluster: Cluster, run: LeftRun, now: number): Target => ({
  objects: run.objects.map((object) => asObject(object.kind, object)),
  remove: async (options) => {
    const objects = await removeLeftRun(cluster, run, now, options);
    if (objects) return { objects };
    throw new PreloadError(
      `the run for preload "${run.name}" was continued or removed in the meantime, so nothing of it was deleted`,
      'see what is left now: run the command again with --dry-run=client',
    );
  },
});
