import type { Node } from '../model/cluster-objects.ts';
import { ApiError } from '../model/errors.ts';
import { KUBELET_CONFIG, type KubeletConfig } from '../model/kubelet-config.ts';
import { forEachParallel } from '../model/parallel.ts';
import type { Cluster } from './connection.ts';
import { pathOf } from './kinds.ts';
import { parseAnswer } from './objects.ts';
import { sendForJson } from './rest.ts';

export interface Kubelet {
  node: Node;
  config: KubeletConfig;
}

/** What the kubelets of some nodes say about their configuration. */
export interface Kubelets {
  answers: Kubelet[];
  /** how many were asked */
  asked: number;
  /** of how many */
  all: number;
  /** why one did not answer */
  failure?: Error;
}

const MOST = 20; // a large cluster has many alike
const AT_ONCE = 5;
const PATIENCE = 5000; // milliseconds

/** Asks kubelets, first one of each kind of node. Throws ApiError if this user may not. */
export const readKubelets = async (
  cluster: Cluster,
  nodes: readonly Node[],
  signal: AbortSignal,
): Promise<Kubelets> => {
  const chosen = varied(nodes).slice(0, MOST);
  const answers: Kubelet[] = [];
  let failure: Error | undefined;
  await forEachParallel(chosen, AT_ONCE, async (node) => {
    try {
      answers.push({ node, config: await readConfig(cluster, node.metadata.name, signal) });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ApiError && error.reason === 'Forbidden') throw error;
      failure = error as Error;
    }
  });
  return { answers, asked: chosen.length, all: nodes.length, ...(failure && { failure }) };
};

const readConfig = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<KubeletConfig> => {
  const answer = await sendForJson(cluster, `${pathOf('Node', undefined, name)}/proxy/configz`, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    isRepeatable: false, // a node may be gone for good
  });
  return parseAnswer(KUBELET_CONFIG, answer, `the configuration of the kubelet on ${name}`).kubeletconfig;
};

/** Nodes that differ in versions and architecture first. */
const varied = (nodes: readonly Node[]): Node[] => {
  const first = new Map<string, Node>();
  for (const node of nodes) {
    const { kubeletVersion, containerRuntimeVersion, architecture } = node.status.nodeInfo;
    const kind = `${kubeletVersion} ${containerRuntimeVersion} ${architecture}`;
    if (!first.has(kind)) first.set(kind, node);
  }
  return [...new Set([...first.values(), ...nodes])];
};
