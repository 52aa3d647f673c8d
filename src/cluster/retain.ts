import { ApiError, PreloadError } from '../model/errors.ts';
import { SNAPSHOT_GROUP } from '../model/names.ts';
import type { Cluster } from './connection.ts';
import { patch } from './objects.ts';

const RETAIN = { spec: { deletionPolicy: 'Retain' } };
const NO_NAME = 'permission_check'; // no object can have this name

/** Throws PreloadError if this user may not change the content of a snapshot. Changes nothing. */
export const checkRetain = async (cluster: Cluster, signal: AbortSignal): Promise<void> => {
  try {
    // the server checks the permission before it looks for the object
    await patch(cluster, 'VolumeSnapshotContent', NO_NAME, RETAIN, { signal });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.reason === 'NotFound') return;
    if (error.reason !== 'Forbidden') throw error;
    throw new PreloadError(
      `this user is not allowed to patch volumesnapshotcontents.${SNAPSHOT_GROUP}, which --retain requires`,
      'ask for this permission, or use a --snapshot-class with deletionPolicy Retain instead of --retain',
    );
  }
};

/** Makes the storage keep its snapshot even if the VolumeSnapshot that has this content is deleted. */
export const retainContent = (
  cluster: Cluster,
  content: string,
  options: { signal: AbortSignal; dryRun?: boolean },
): Promise<void> => patch(cluster, 'VolumeSnapshotContent', content, RETAIN, options);
