import { ApiError, PreloadError } from '../model/errors.ts';
import { fillingPatch, TAINTED_NODE } from '../model/fill.ts';
import type { Cluster } from './connection.ts';
import { patch, read } from './objects.ts';
import { poll } from './wait.ts';

/** Labels the node as filled and removes its startup taint, both at once. Throws PreloadError if there is no such node. */
export const markFilled = (cluster: Cluster, name: string, set: string, signal: AbortSignal): Promise<true> =>
  poll(signal, async () => {
    const node = await read(cluster, 'Node', TAINTED_NODE, name, { signal });
    if (!node) throw new PreloadError(`node "${name}" not found`);
    return patch(cluster, 'Node', name, fillingPatch(node, set), { signal }).then(
      () => true as const,
      (error: unknown) => {
        if (!(error instanceof ApiError && error.reason === 'Conflict')) throw error; // the kubelet changed it meanwhile
        return undefined;
      },
    );
  });
