import { limiter } from '../model/parallel.ts';
import { LAYER_SUMS, parseLayerSums } from '../volume/checksums.ts';
import { CONTENTS_FILE } from '../volume/format.ts';
import { digestLayer } from '../volume/layer-digest.ts';
import { AT_ONCE } from '../volume/tree-digest.ts';
import { kindOf, readText } from '../volume/verify/read.ts';
import type { Capture } from './context.ts';

/** Digests layers while others are still being brought, as they are in memory then. */
export interface LayerSums {
  /** a layer may be on the volume by now */
  add: (chainId: string) => void;
  /** digests of these layers, which are on the volume; without those that could not be read, which is said */
  of: (chainIds: Iterable<string>) => Promise<Map<string, string>>;
}

/** `known` are the digests of layers that need not be read again. */
export const layerSums = (
  { volume, report, signal }: Pick<Capture, 'volume' | 'report' | 'signal'>,
  known: ReadonlyMap<string, string>,
): LayerSums => {
  const limit = limiter(AT_ONCE);
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
        message: `layers get no checksums, verify will not be able to check them: ${message}`,
      });
    }
    return sums;
  };
  return { add, of };
};

/** Digests of layers that a volume was sealed with, as they were then: what went wrong since shall still be found. */
export const sealedSums = async (volume: string): Promise<ReadonlyMap<string, string>> => {
  if ((await kindOf(volume, CONTENTS_FILE)) !== 'file') return new Map();
  return parseLayerSums((await readText(volume, LAYER_SUMS)) ?? '');
};
