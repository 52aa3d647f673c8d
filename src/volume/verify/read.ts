import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Type of `path` on the volume; undefined if it is missing or a parent folder is a link. */
export const kindOf = async (volume: string, path: string): Promise<'file' | 'folder' | 'other' | undefined> => {
  const parts = path.split('/');
  let kind: 'file' | 'folder' | 'other' = 'folder';
  for (let depth = 1; depth <= parts.length; depth++) {
    if (kind !== 'folder') return undefined;
    const found = await lstat(join(volume, ...parts.slice(0, depth))).catch(ignoreMissing);
    if (!found) return undefined;
    kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
  }
  return kind;
};

/** Text of a file on the volume; undefined if it is missing or not a regular file. */
export const readText = async (volume: string, path: string): Promise<string | undefined> =>
  (await kindOf(volume, path)) === 'file' ? readFile(join(volume, path), 'utf8') : undefined;

const ignoreMissing = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
};
