import { open } from 'node:fs/promises';
import { PreloadError } from '../model/errors.ts';
import { CommandFailed, inNode, run } from './command.ts';

const HELD = 1; // what flock ends with

/**
 * Keeps other exports from the volume until the returned function is called or this process ends, however it ends. The
 * node's flock locks the volume's folder as it is open here, where the lock stays: that is in the way of no remount.
 */
export const lockVolume = async (root: string, volume: string): Promise<() => Promise<void>> => {
  const folder = await open(volume).catch((error: Error) => {
    throw new PreloadError(`the volume cannot be opened: ${error.message}`, 'say where it is mounted with --to');
  });
  try {
    await run(inNode(root, ['flock', '-n', '3']), undefined, { file: folder.fd });
  } catch (error) {
    await folder.close();
    if (error instanceof CommandFailed && error.code === HELD) {
      throw new PreloadError('another export has this volume', 'wait until it has ended, or remove its pod');
    }
    throw new PreloadError(
      `the volume cannot be locked: ${(error as Error).message}`,
      `flock, of util-linux or busybox, must be on the node at ${root}`,
    );
  }
  return () => folder.close();
};
