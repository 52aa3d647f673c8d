import type { CaptureRequest } from '../model/request.ts';
import { type NodeStore, readNodeStore } from '../node/containerd.ts';
import { createRegistryClient, type RegistryClient } from '../registry/client.ts';
import type { Patience } from '../registry/persist.ts';
import type { PlanOptions } from './context.ts';

/** What the node's containerd has. Throws PreloadError if it does not answer. */
export const nodeStore = async (request: CaptureRequest, { root, report, signal }: PlanOptions): Promise<NodeStore> => {
  const warn = (message: string) => report({ type: 'warning', message });
  const node = await readNodeStore(root, request.tools, warn, signal);
  if (!node.config.sandbox)
    warn('cannot tell which pause image the node uses; capture it by its name, or nodes must pull it');
  return node;
};

/** A client that uses registries as the node does. */
export const registryOf = (
  { environment, config }: NodeStore,
  { root, pullSecrets, report }: PlanOptions,
  patience?: Patience,
): Promise<RegistryClient> =>
  createRegistryClient({
    root,
    pullSecrets,
    environment,
    settings: config.registry,
    report: (message) => report({ type: 'warning', message }),
    ...(patience && { patience }),
  });
