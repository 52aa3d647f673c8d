import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { nullIfForbidden, read } from '../../cluster/objects.ts';
import { gone, hindranceOf } from '../../cluster/removal.ts';
import { lastWarning } from '../../cluster/warnings.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import { Interrupted, PreloadError, TimedOut } from '../../model/errors.ts';
import { SNAPSHOT_CONTENT, VOLUME_SNAPSHOT } from '../../model/storage-objects.ts';
import { plural } from '../../model/units.ts';
import { countWait } from '../step.ts';

const LAST_LOOK = 5000;
const MOST_REASONS = 5;

/** Waits until all these objects are gone. Throws PreloadError with what keeps them if the time is over. */
export const waitUntilGone = async (
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  context: Context,
): Promise<void> => {
  const { progress, signal } = context;
  let left = objects;
  const title = `Waiting until ${objects.length === 1 ? 'it is' : `all ${objects.length} objects are`} gone`;
  progress.start(title);
  const wait = countWait(context, title);
  try {
    for (const object of objects) {
      wait.count(`${left.length} left, next ${objectName(object)}`);
      await gone(cluster, object, undefined, signal);
      left = left.slice(1);
    }
    progress.done(`Deleted ${plural(objects.length, 'object')}`);
  } catch (error) {
    if (error instanceof Interrupted) {
      progress.fail(error.message);
      progress.note('The deletion continues in the background.');
    }
    if (!(error instanceof TimedOut)) throw error;
    const reasons = (await Promise.all(left.slice(0, MOST_REASONS).map((object) => whyThere(cluster, object)))).flat();
    const [first, ...others] = reasons;
    if (!first)
      throw new PreloadError(`${error.message}; ${left.map(objectName).join(', ')} may still be there`, error.hint);
    for (const { problem, remedy } of others) progress.warn(`${problem}; ${remedy}`);
    throw new PreloadError(`${error.message}; ${first.problem}`, first.remedy);
  } finally {
    wait.stop();
  }
};

interface Reason {
  problem: string;
  remedy: string;
}

/** Why an object is still there; empty if it is gone, or nobody knows. */
const whyThere = async (cluster: Cluster, object: KubernetesObject): Promise<Reason[]> => {
  const signal = AbortSignal.timeout(LAST_LOOK);
  const find = object.kind === 'VolumeSnapshot' ? snapshotHindrance : hindranceOf;
  const found = await find(cluster, object, signal).catch(() => undefined);
  return found ? [found] : [];
};

/** Unlike other objects, it must keep its finalizers: without them, the storage's snapshot would stay for ever. */
const snapshotHindrance = async (
  cluster: Cluster,
  snapshot: KubernetesObject,
  signal: AbortSignal,
): Promise<Reason | undefined> => {
  const { name, namespace = '' } = snapshot.metadata;
  const found = await read(cluster, 'VolumeSnapshot', VOLUME_SNAPSHOT, name, { namespace, signal });
  if (!found?.metadata.deletionTimestamp) return undefined;
  const bound = found.status?.boundVolumeSnapshotContentName;
  const error = bound ? await contentError(cluster, bound, signal) : undefined;
  const reason = error ?? (await lastWarning(cluster, snapshot, signal))?.message;
  return {
    problem: `${objectName(snapshot)} is still being deleted: ${reason ?? 'its storage has not deleted the snapshot'}`,
    remedy: `see: kubectl describe ${bound ? `volumesnapshotcontent ${bound}` : `volumesnapshot ${name} -n ${namespace}`}`,
  };
};

/** What the driver reports; undefined if nothing, or this user may not read it. */
const contentError = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<string | undefined> => {
  const content = await nullIfForbidden(read(cluster, 'VolumeSnapshotContent', SNAPSHOT_CONTENT, name, { signal }));
  return content?.status?.error?.message ?? undefined;
};
