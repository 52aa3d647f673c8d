import { PreloadError } from '../model/errors.ts';
import { inNode, startHolder } from './ctr.ts';

/**
 * Keeps others from writing to the volume at the same time, until the returned function is called or this process ends,
 * however it ends. The lock is on the volume's root folder, which needs no writable file.
 */
export const lockVolume = async (root: string, volumeInNode: string): Promise<() => Promise<void>> => {
  const release = await startHolder(inNode(root, ['flock', '-n', volumeInNode, 'sh', '-c', 'echo held && exec cat']));
  if (release) return release;
  throw new PreloadError('another export is writing to this volume', 'wait until it has ended');
};
