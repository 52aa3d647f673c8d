import { access, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path/posix';

const MAX_LINKS = 40;

/** Path on this machine of `path` on the node at `root`. Resolves symbolic links as the node does. */
export const pathHere = async (root: string, path: string): Promise<string> => {
  const pending = path.split('/');
  let resolved = '/';
  for (let links = 0; pending.length > 0; ) {
    const next = join(resolved, pending.shift() ?? '');
    const target = await readlink(join(root, next)).catch(() => undefined);
    if (target === undefined) {
      resolved = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new Error(`too many symbolic links in ${path} on the node`);
    if (target.startsWith('/')) resolved = '/';
    pending.unshift(...target.split('/'));
  }
  return join(root, resolved);
};

/** Returns undefined if the node has no such file. */
export const readNodeFile = async (root: string, path: string): Promise<string | undefined> =>
  readFile(await pathHere(root, path), 'utf8').catch(absent);

/** Returns the sorted names in a directory on the node, or undefined if it does not exist. */
export const listNodeFolder = async (root: string, path: string): Promise<string[] | undefined> =>
  (await readdir(await pathHere(root, path)).catch(absent))?.sort();

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
};

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
