import type { Context } from '../../cli/context.ts';
import type { Deletion } from '../../cluster/delete-preload.ts';
import type { PreloadSummary } from '../../model/summary.ts';

type Handle = Pick<PreloadSummary, 'snapshotId' | 'deletionPolicy'>;

/** What will happen to the snapshot in the storage. */
export const outlookOf = ({ snapshotId, deletionPolicy }: Handle): string | undefined => {
  if (!snapshotId) return undefined;
  return deletionPolicy === 'Delete'
    ? `the storage deletes ${snapshotId}`
    : `the storage keeps ${snapshotId}, which costs money`;
};

/** Reports what happens to the snapshot in the storage; if the preload `isGone`, what has happened. */
export const reportStorage = (
  { snapshotId, deletionPolicy, content }: Deletion,
  isGone: boolean,
  { progress }: Context,
): void => {
  if (!snapshotId) return;
  if (deletionPolicy === 'Delete') {
    progress.done(isGone ? `The storage has deleted ${snapshotId}` : `The storage is deleting ${snapshotId}`);
    return;
  }
  const patch = `kubectl patch volumesnapshotcontent ${content} --type=merge -p '{"spec":{"deletionPolicy":"Delete"}}'`;
  progress.warn(
    `the storage keeps ${snapshotId}, which costs money; to delete it, too, run: ${patch} && kubectl delete volumesnapshotcontent ${content}`,
  );
};
