import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { inNode, runBounded } from './command.ts';
import { lowPriority } from './command-prefixes.ts';

const LONGEST = 10_000; // for a folder
const MAX_OUTPUT = 32 * 1024 * 1024;

/** Paths in its own root that a process has mapped, its program first; not all of them are files. */
export const mappedPaths = async (root: string, pid: string): Promise<string[]> => {
  const program = await readlink(join(root, 'proc', pid, 'exe')).catch(() => '');
  const maps = await readFile(join(root, 'proc', pid, 'maps'), 'utf8').catch(() => '');
  return [...new Set([program, ...parseMaps(maps)])].filter((path) => path.startsWith('/'));
};

/** Parses /proc/PID/maps to the paths in it, in order. */
export const parseMaps = (maps: string): string[] =>
  maps.split('\n').flatMap((line) => /^\S+ \S+ \S+ \S+ \d+ +(\/.*)$/.exec(line)?.[1] ?? []);

// A folder may be a link to a preload's volume. Names are escaped in the C locale.
const FIND_CACHED = `cd "$0" && find . -xdev -type f -size +0 -print0 |
  LC_ALL=C xargs -0 -r fincore --raw --noheadings --bytes --output RES,SIZE,FILE | sed -n '/^[1-9]/p'`;

export interface CachedFile {
  /** below the folder */
  path: string;
  /** so little of it is in the cache that what is needed can be read sooner than the whole file */
  sparse: boolean;
}

/** Finds the files in a folder on the node that have pages in its page cache. */
export type CacheReader = (folder: string) => Promise<CachedFile[]>;

/** Returns undefined if the node at `root` does not have the tools. */
export const cacheReader = async (root: string, signal: AbortSignal): Promise<CacheReader | undefined> => {
  const bounds = { input: '', env: { PATH }, milliseconds: LONGEST, bytes: MAX_OUTPUT };
  const shell = (script: string, ...args: string[]) => inNode(root, ['sh', '-c', script, ...args]);
  const tools = shell('command -v find && command -v xargs && command -v fincore');
  if (!(await runBounded(tools, signal, bounds).catch(() => undefined))) return undefined;
  const [chroot, nice] = [inNode(root, []), await lowPriority(root)];
  return async (folder) => {
    const argv = [...chroot, ...nice, ...['sh', '-c', FIND_CACHED, folder]];
    return parseCached((await runBounded(argv, signal, bounds)).toString());
  };
};

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const LARGE = 1024 * 1024; // bytes that a disk reads about as soon as any part of them

/** Parses `cachedBytes size ./path` lines of fincore, sorted, so that files of a folder are read together. */
export const parseCached = (output: string): CachedFile[] =>
  output
    .split('\n')
    .flatMap((line) => {
      const [, cached, size, path = ''] = /^(\d+) +(\d+) \.\/(.+)$/.exec(line) ?? [];
      const sparse = Number(size) > LARGE && Number(cached) * 2 < Number(size);
      return path ? [{ path: unescapeName(path), sparse }] : [];
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));

/** Bytes that are not printable ASCII are `\xHH`. */
const unescapeName = (name: string): string =>
  Buffer.from(
    name.replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString();
