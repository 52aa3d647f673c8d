import { join } from 'node:path';
import { type RunningContainer, runningContainers } from '../node/containers.ts';
import { pathHere } from '../node/files.ts';
import { type CachedFile, type CacheReader, cacheReader, mappedPaths } from '../node/page-cache.ts';
import { layerFolder } from '../volume/format.ts';
import { type HotFile, isHotPath, keyOf, listedFiles, type SizedHotFile } from '../volume/hot-list.ts';
import { sizeOf } from '../volume/verify/hot-list.ts';
import { kindOf } from '../volume/verify/read.ts';
import type { Planning } from './context.ts';

const LONGEST = 20_000;

/**
 * Files of layers that running containers have in the node's page cache: the oldest container first, and in each the
 * entrypoint and its libraries. Large files of which containers use a small part are not listed. Programs and libraries are
 * found without any tool, all others with fincore. If something fails or takes too long, the list is shorter, because it only
 * makes new nodes faster.
 */
export const findHotFiles = async ({ root, node, signal }: Planning): Promise<HotFile[]> => {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(LONGEST)]);
  const containers = await runningContainers(root, node, bounded).catch(() => []);
  if (containers.length === 0) return [];
  const mapped = mappedFinder(root, bounded);
  const cached = cachedFinder(await cacheReader(root, bounded));
  const programs: HotFile[][] = [];
  for (const container of containers) programs.push(await mapped(container));
  const found: HotFile[] = [];
  const sparse = new Set<string>();
  for (const [index, { layers }] of containers.entries()) {
    found.push(...(programs[index] ?? []));
    for (const { chainId, folder } of layers.toReversed()) {
      for (const file of await cached(chainId, folder)) {
        if (file.sparse) sparse.add(keyOf({ chainId, ...file }));
        else found.push({ chainId, path: file.path, mapped: false });
      }
    }
  }
  signal.throwIfAborted();
  return listedFiles(found.filter((file) => !sparse.has(keyOf(file))));
};

/** Finds what the processes of a container have mapped. A file that several layers have is read from the top one. */
const mappedFinder = (root: string, signal: AbortSignal) => {
  const known = new Map<string, string | undefined>(); // chain IDs; containers share images
  return async ({ processes, layers }: RunningContainer): Promise<HotFile[]> => {
    const folders = await Promise.all(layers.map(({ folder }) => pathHere(root, folder)));
    const layerOf = async (path: string): Promise<string | undefined> => {
      for (const [index, { chainId }] of layers.entries())
        if ((await kindOf(folders[index] ?? '', path)) === 'file') return chainId;
      return undefined;
    };
    const files: HotFile[] = [];
    for (const pid of processes) {
      for (const absolute of await mappedPaths(root, pid)) {
        if (signal.aborted) return files;
        const path = absolute.slice(1);
        const key = keyOf({ chainId: layers[0]?.chainId ?? '', path });
        if (!known.has(key)) known.set(key, isHotPath(path) ? await layerOf(path).catch(() => undefined) : undefined);
        const chainId = known.get(key);
        if (chainId) files.push({ chainId, path, mapped: true });
      }
    }
    return files;
  };
};

/** Finds what the page cache has of a layer, unless that was asked before. */
const cachedFinder = (read: CacheReader | undefined) => {
  const done = new Set<string>();
  return async (chainId: string, folder: string): Promise<CachedFile[]> => {
    if (!read || done.has(chainId)) return [];
    done.add(chainId);
    return read(folder).catch(() => []);
  };
};

/** Those that are in one of these layers on the volume, with their sizes there. */
export const onVolume = async (
  volume: string,
  files: readonly HotFile[],
  chainIds: ReadonlySet<string>,
): Promise<SizedHotFile[]> => {
  const there: SizedHotFile[] = [];
  for (const file of files) {
    if (!chainIds.has(file.chainId)) continue;
    const bytes = await sizeOf(volume, join(layerFolder(file.chainId), file.path)).catch(() => undefined);
    if (bytes) there.push({ ...file, bytes });
  }
  return there;
};
