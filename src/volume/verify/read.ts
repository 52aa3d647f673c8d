import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What is at `path` of the volume, where no part of the path is a link. */
export const kindOf = async (volume: string, path: string): Promise<'file' | 'folder' | 'other' | undefined> => {
  const parts = path.split('/');
  let kind: 'file' | 'folder' | 'other' = 'folder';
  for (let depth = 1; depth <= parts.length; depth++) {
    if (kind !== 'folder') return undefined;
    const found = await lstat(join(volume, ...parts.slice(0, depth))).catch(noneThere);
    if (!found) return undefined;
    kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
  }
  return kind;
};

/** Returns the content of a file on the volume, or undefined if it is not a file. */
export const readText = async (volume: string, path: string): Promise<string | undefined> =>
  (await kindOf(volume, path)) === 'file' ? readFile(join(volume, path), 'utf8') : undefined;

const noneThere = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
};
