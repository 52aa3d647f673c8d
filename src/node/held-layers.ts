import { PreloadError } from '../model/errors.ts';
import { type Ctr, run } from './command.ts';
import { parseLowerDirectories, SNAPSHOTTER_FLAG } from './containerd.ts';
import { isRunning } from './process-id.ts';

interface HeldLayers {
  /** directories by chain ID, as paths on the node */
  folders: Map<string, string>;
  /** containerd snapshot that holds them; undefined if there are no layers */
  key?: string;
}

const HOLD = 'preload-export-';

/**
 * Finds the directories of the layers in `chain`, base first, with one command. Holds the layers for `runId`, so that
 * containerd does not remove them while they are read.
 */
export const holdLayers = async (
  ctr: Ctr,
  runId: string,
  chain: readonly string[],
  signal: AbortSignal,
): Promise<HeldLayers> => {
  const top = chain.at(-1);
  if (!top) return { folders: new Map() };
  const snapshots = [...ctr, 'snapshots', ...SNAPSHOTTER_FLAG];
  const key = `${HOLD}${runId}-${top}`;
  const mountCommand = await run([...snapshots, 'prepare', '--target', '/', key, top], signal);
  const folders = parseLowerDirectories(mountCommand.toString());
  if (folders.length !== chain.length) {
    await releaseLayers(ctr, [key]);
    throw new PreloadError(`containerd reports ${folders.length} of ${chain.length} layers for ${top}`);
  }
  return { folders: new Map(chain.map((chainId, index) => [chainId, folders[index] ?? ''])), key };
};

/** Releases what `keys` hold, with one command. */
export const releaseLayers = async (ctr: Ctr, keys: readonly string[]): Promise<void> => {
  if (keys.length > 0) await run([...ctr, 'snapshots', ...SNAPSHOTTER_FLAG, 'rm', ...keys]);
};

/** Releases what killed runs on the node at `root` still hold. */
export const releaseLeftovers = async (root: string, ctr: Ctr, signal: AbortSignal): Promise<void> => {
  const snapshots = [...ctr, 'snapshots', ...SNAPSHOTTER_FLAG];
  const table = await run([...snapshots, 'ls'], signal).then(String, () => '');
  for (const [key, owner = ''] of table.matchAll(new RegExp(`^${HOLD}(\\d+-\\d+)-\\S+`, 'gm'))) {
    if (!(await isRunning(root, owner))) await run([...snapshots, 'rm', key], signal);
  }
};
