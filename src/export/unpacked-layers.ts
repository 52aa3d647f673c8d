import { PreloadError } from '../model/errors.ts';
import { type Ctr, run } from './ctr.ts';
import { SNAPSHOTTER_FLAG } from './node-store.ts';
import { parseLowerDirectories } from './snapshot-mounts.ts';

export interface HeldLayers {
  /** folders by chain ID, as the node sees them */
  folders: Map<string, string>;
  /** lets containerd collect the layers again */
  release: () => Promise<void>;
}

const HOLD = 'preload-export-';

/**
 * Finds where the containerd of `ctr` has the layers of `chain`, base first, all by one command; and holds them, so that
 * they are not collected while they are read.
 */
export const holdLayers = async (ctr: Ctr, chain: readonly string[], signal: AbortSignal): Promise<HeldLayers> => {
  const top = chain.at(-1);
  if (!top) return { folders: new Map(), release: async () => {} };
  const snapshots = [...ctr, 'snapshots', ...SNAPSHOTTER_FLAG];
  const key = `${HOLD}${top}`;
  const mountCommand = await run([...snapshots, 'prepare', '--target', '/', key, top], signal);
  const release = async () => {
    await run([...snapshots, 'rm', key]);
  };
  const folders = parseLowerDirectories(mountCommand.toString());
  if (folders.length !== chain.length) {
    await release();
    throw new PreloadError(`containerd shows ${folders.length} layers of ${chain.length} below ${top}`);
  }
  return { folders: new Map(chain.map((chainId, index) => [chainId, folders[index] ?? ''])), release };
};

/** Releases what a killed run still holds. */
export const releaseLeftovers = async (ctr: Ctr, signal: AbortSignal): Promise<void> => {
  const snapshots = [...ctr, 'snapshots', ...SNAPSHOTTER_FLAG];
  const table = await run([...snapshots, 'ls'], signal).then(String, () => '');
  for (const [key] of table.matchAll(new RegExp(`^${HOLD}\\S+`, 'gm'))) await run([...snapshots, 'rm', key], signal);
};
