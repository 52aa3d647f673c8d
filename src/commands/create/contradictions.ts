import { UsageError } from '../../model/errors.ts';
import { isPrefix } from '../../model/generations.ts';
import { checkSources } from '../source-flags.ts';
import type { CreateOptions } from './command.ts';

/** Throws UsageError if flags contradict each other. The saved settings of a run that is continued never do. */
export const checkContradictions = (options: CreateOptions): void => {
  const { generateName, keepLast, wait, allPlatforms, platform, node, base, resume } = options;
  if (resume) return;
  checkSources(options);
  if (keepLast !== undefined && generateName === undefined)
    throw new UsageError('--keep-last needs --generate-name: it counts the preloads with the same prefix');
  if (!wait && keepLast !== undefined)
    throw new UsageError(
      '--wait=false and --keep-last exclude each other: older preloads go once the new one is ready',
    );
  if (!allPlatforms) return;
  const single = (platform && '--platform') || (node && '--node');
  if (single) throw new UsageError(`specify --all-platforms or ${single}, not both`);
  if (base && !isPrefix(base))
    throw new UsageError('--all-platforms needs a --base that ends with "-": a snapshot is for one platform');
};
