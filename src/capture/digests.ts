import { limiter } from '../model/parallel.ts';
import { LAYER_SUMS, parseLayerSums } from '../volume/checksums.ts';
import { CONTENTS_FILE } from '../volume/format.ts';
import { digestLayer } from '../volume/layer-digest.ts';
import { DIGESTS_AT_ONCE } from '../volume/tree-digest.ts';
import { kindOf, readText } from '../volume/verify/read.ts';
import type { Capture } from './context.ts';

/** Digests layers while others are still being copied, since they are in the page cache then. */
interface LayerSums {
  /** starts to digest a layer; a failure counts only when `of` tries again */
  add: (chainId: string) => void;
  /** returns digests by chain ID; if a layer cannot be read, warns and returns fewer */
  of: (chainIds: Iterable<string>) => Promise<Map<string, string>>;
}

/** Does not read the layers whose digests are `known`. */
export const layerSums = (
  { volume, report, signal }: Pick<Capture, 'volume' | 'report' | 'signal'>,
  known: ReadonlyMap<string, string>,
): LayerSums => {
  const limit = limiter(DIGESTS_AT_ONCE);
  const digest = (chainId: string) => limit(async () => (await digestLayer(volume, chainId, signal)).digest);
  const begun = new Map<string, Promise<string | undefined>>();
  const add = (chainId: string): void => {
    if (!known.has(chainId) && !begun.has(chainId))
      begun.set(
        chainId,
        digest(chainId).catch(() => undefined),
      );
  };
  const of = async (chainIds: Iterable<string>) => {
    const sums = new Map<string, string>();
    for (const chainId of chainIds) add(chainId);
    try {
      for (const chainId of chainIds) {
        sums.set(chainId, known.get(chainId) ?? (await begun.get(chainId)) ?? (await digest(chainId)));
      }
    } catch (error) {
      signal.throwIfAborted();
      const { message } = error as Error;
      report({
        type: 'warning',
        message: `could not compute layer checksums; verify cannot check these layers: ${message}`,
      });
    }
    return sums;
  };
  return { add, of };
};

/** Returns the layer digests from when the volume was sealed, so that later damage is still detected. */
export const sealedSums = async (volume: string): Promise<ReadonlyMap<string, string>> => {
  if ((await kindOf(volume, CONTENTS_FILE)) !== 'file') return new Map();
  return parseLayerSums((await readText(volume, LAYER_SUMS)) ?? '');
};
