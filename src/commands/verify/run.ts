import type { Context } from '../../cli/context.ts';
import { UsageError } from '../../model/errors.ts';
import type { VerifyOptions } from './command.ts';

/** In the cluster a clone of the snapshot is checked, on a node and in that pod the mounted volume. */
export const runVerify = async (options: VerifyOptions, context: Context): Promise<void> => {
  const { NAME: name, volume } = options;
  if (volume !== undefined && name === undefined) {
    // each half loads much that the other does not need
    const { verifyMounted } = await import('./mounted.ts');
    return verifyMounted(volume, options, context);
  }
  if (volume !== undefined) throw new UsageError('specify NAME or --volume, not both');
  if (name === undefined) throw new UsageError('specify NAME or --volume');
  const { verifyInCluster } = await import('./in-cluster.ts');
  return verifyInCluster({ ...options, NAME: name }, context);
};
