import type { Cluster } from '../state.ts';
import { run, succeeds } from './run.ts';

/** What finding a free network and making a bridge takes. */
export const NETWORK_PACKAGES = ['iproute2'];

/** Nodes and pods all hang on one bridge: the machine is .0.1, node N is .0.N, its pods are .N.*. */
export const nodeAddress = ({ network }: Cluster, index: number): string => `${network}.0.${index}`;

export const createBridge = async ({ id, network }: Cluster): Promise<void> => {
  if (!(await succeeds(['ip', 'link', 'show', id]))) await run(['ip', 'link', 'add', id, 'type', 'bridge']);
  await run(['ip', 'address', 'replace', `${network}.0.1/16`, 'dev', id]);
  await run(['ip', 'link', 'set', id, 'up']);
};

export const removeBridge = async (id: string): Promise<void> => {
  if (await succeeds(['ip', 'link', 'show', id])) await run(['ip', 'link', 'delete', id]);
};

export const addAddress = async (cluster: Cluster, index: number): Promise<void> => {
  await run(['ip', 'address', 'replace', `${nodeAddress(cluster, index)}/16`, 'dev', cluster.id]);
};

export const removeAddress = async (cluster: Cluster, index: number): Promise<void> => {
  await succeeds(['ip', 'address', 'delete', `${nodeAddress(cluster, index)}/16`, 'dev', cluster.id]);
};
