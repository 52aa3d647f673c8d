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

/** Warns that the snapshot in the storage stays, and costs money. */
export const reportKept = ({ snapshotId, deletionPolicy, content }: Deletion, { progress }: Context): void => {
  if (!snapshotId || deletionPolicy === 'Delete') return;
  const patch = `kubectl patch volumesnapshotcontent ${content} --type=merge -p '{"spec":{"deletionPolicy":"Delete"}}'`;
  progress.warn(
    `the storage keeps ${snapshotId}, which costs money; to delete it, too, run: ${patch} && kubectl delete volumesnapshotcontent ${content}`,
  );
};

/** Reports that the storage deletes its snapshot, or has done so if the preload `isGone`. */
export const reportDeleted = (
  { snapshotId, deletionPolicy }: Deletion,
  isGone: boolean,
  { progress }: Context,
): void => {
  if (!snapshotId || deletionPolicy !== 'Delete') return;
  progress.done(isGone ? `The storage has deleted ${snapshotId}` : `The storage is deleting ${snapshotId}`);
};
