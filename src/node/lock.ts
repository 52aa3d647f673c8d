import { open } from 'node:fs/promises';
import { PreloadError, reasonOf } from '../model/errors.ts';
import { CommandFailed, inNode, run } from './command.ts';

const HELD = 1; // exit code of flock

/**
 * Locks the volume against other exports until the returned function is called or this process dies. Uses the node's
 * flock on the open directory: the lock stays with that descriptor, and does not prevent a remount.
 */
export const lockVolume = async (root: string, volume: string): Promise<() => Promise<void>> => {
  const folder = await open(volume).catch((error: Error) => {
    throw new PreloadError(`cannot open the volume: ${reasonOf(error)}`, 'specify where it is mounted with --to');
  });
  try {
    await run(inNode(root, ['flock', '-n', '3']), undefined, { file: folder.fd });
  } catch (error) {
    await folder.close();
    if (error instanceof CommandFailed && error.code === HELD) {
      throw new PreloadError('another export is using this volume', 'wait until it has finished, or delete its pod');
    }
    throw new PreloadError(
      `cannot lock the volume: ${(error as Error).message}`,
      'install flock (util-linux or busybox) on the node',
    );
  }
  return () => folder.close();
};
