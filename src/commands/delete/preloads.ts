import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { beyondLast, deletePreload } from '../../cluster/delete-preload.ts';
import { newestReady } from '../../cluster/find-preload.ts';
import { type LeftRun, listLeftRuns, removeObjects } from '../../cluster/left-runs.ts';
import { asObject } from '../../cluster/leftovers.ts';
import { list } from '../../cluster/lists.ts';
import { listPreloads } from '../../cluster/preloads.ts';
import { snapshotReference } from '../../manifests/snapshot.ts';
import { ANY } from '../../model/cluster-objects.ts';
import { ApiError, PreloadError } from '../../model/errors.ts';
import { isPrefix } from '../../model/generations.ts';
import { whyInUse } from '../../model/left-run.ts';
import { selector as ownSelector, removeCommand, resumeCommand, USAGE_NAME } from '../../model/names.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import type { DeleteOptions } from './command.ts';
import { leftTarget } from './leftovers.ts';
import { outlookOf } from './storage.ts';
import type { Target, Targets } from './target.ts';

/** The preloads that the command line selects. */
export const preloadTargets = async (
  cluster: Cluster,
  options: DeleteOptions,
  { signal, now }: Context,
): Promise<Targets> => {
  const { namespace } = cluster;
  const { selector, keepLast, ignoreNotFound, keepSnapshot } = options;
  const preloads = (await listPreloads(cluster, { namespace, name: onlyName(options) }, signal)).filter(hasSnapshot);
  const runs = await listLeftRuns(cluster, { namespace }, signal);
  const left = new Map(runs.filter(({ component }) => component === 'loader').map((run) => [run.name, run]));
  const targets = new Map<string, Target>();
  const failures: Error[] = [];
  const names = selector === undefined ? options.NAME : await selectedNames(cluster, selector, signal);
  for (const name of names) {
    const found = chosenBy(preloads, name, keepLast);
    const run = left.get(name);
    for (const preload of found) {
      const kept = keepSnapshot ? { ...preload, deletionPolicy: 'Retain' } : preload;
      targets.set(preload.name, preloadTarget(cluster, kept, left.get(preload.name), options));
    }
    if (found.length > 0 || keepLast !== undefined) continue;
    const reason = run && whyInUse(run.objects, now());
    if (run && !reason) targets.set(name, leftTarget(cluster, run, now()));
    else if (reason) failures.push(inProgress(name, namespace, reason));
    else if (!ignoreNotFound) failures.push(notFound(name, namespace));
  }
  return { targets: [...targets.values()], failures };
};

/** One preload is quicker to read than a namespace full of them. */
const onlyName = ({ NAME: [name, ...others] }: DeleteOptions): string | undefined =>
  name !== undefined && others.length === 0 && !isPrefix(name) ? name : undefined;

const hasSnapshot = ({ phase }: PreloadSummary): boolean => phase === 'Ready' || phase === 'Snapshotting';

const selectedNames = async (cluster: Cluster, selector: string, signal: AbortSignal): Promise<string[]> => {
  const options = { namespace: cluster.namespace, labelSelector: `${ownSelector()},${selector}`, signal };
  const snapshots = await Array.fromAsync(list(cluster, 'VolumeSnapshot', ANY, options));
  return snapshots.map(({ metadata }) => metadata.name);
};

const chosenBy = (
  preloads: readonly PreloadSummary[],
  name: string,
  keepLast: number | undefined,
): readonly PreloadSummary[] => {
  if (keepLast !== undefined) return beyondLast(preloads, name, keepLast);
  const found = isPrefix(name) ? newestReady(preloads, name) : preloads.find((preload) => preload.name === name);
  return found ? [found] : [];
};

/** A preload, and what its run made and has not removed. */
const preloadTarget = (
  cluster: Cluster,
  preload: PreloadSummary,
  left: LeftRun | undefined,
  { keepSnapshot }: DeleteOptions,
): Target => {
  const outlook = outlookOf(preload);
  const others = left?.objects ?? [];
  return {
    objects: [snapshotReference(preload), ...others.map((object) => asObject(object.kind, object))],
    ...(outlook && { outlook }),
    remove: async ({ signal, dryRun }) => {
      const deletion = await deletePreload(cluster, preload, signal, { dryRun, retain: keepSnapshot });
      if (!deletion) {
        throw new PreloadError(
          `preload "${preload.name}" was deleted or replaced in the meantime`,
          `see: ${USAGE_NAME} status -n ${preload.namespace}`,
        );
      }
      const removed = await removeObjects(cluster, others, { signal, dryRun });
      return { objects: [deletion.snapshot, ...removed], deletion };
    },
  };
};

const notFound = (name: string, namespace: string): Error =>
  isPrefix(name)
    ? new PreloadError(
        `no preload with the prefix "${name}" is ready in namespace "${namespace}"`,
        `see: ${USAGE_NAME} status -n ${namespace}`,
      )
    : new ApiError(404, 'NotFound', `preloads "${name}" not found`);

const inProgress = (name: string, namespace: string, reason: string): PreloadError =>
  new PreloadError(
    `preload "${name}" may still be in progress: ${reason}`,
    `stop its create with Ctrl-C, or continue it with: ${resumeCommand(name, namespace)}; to remove it all the same, run: ${removeCommand(name, namespace)}`,
  );
