import { join } from 'node:path';
import type { Component } from '../components.ts';
import { kubeconfig } from '../control-plane/kubeconfig.ts';
import { csiNodePlugins } from '../csi.ts';
import { members } from '../machine/cgroups.ts';
import { group, isRunning } from '../machine/daemons.ts';
import { nodeAddress } from '../machine/network.ts';
import { answers, exists, listens } from '../machine/probes.ts';
import { CACHE, type Cluster } from '../state.ts';
import { placeOf } from './config.ts';
import { KUBELET_CONFIG } from './files.ts';
import { libFolder, type NodeRecord, userName, writableFolder } from './record.ts';

const rootName = (node: string): string => `${node}/root`;
export const kubeletName = (node: string): string => `${node}/kubelet`;

/** The process that keeps the node's namespace and root. */
export const nodeRoot = (cluster: Cluster, node: string): Component => {
  const script = join(import.meta.dirname, 'root.sh');
  const shared = [cluster.folder, CACHE];
  return {
    name: rootName(node),
    from: { packages: ['util-linux'] },
    argv: ['unshare', '--mount', 'sh', script, writableFolder(cluster, node), libFolder(cluster, node), ...shared],
    ready: async () => {
      const [pid] = await members(group(cluster, rootName(node)));
      return pid !== undefined && (await exists(`/proc/${pid}/root/run/booted`));
    },
  };
};

export const hasRoot = async (cluster: Cluster, node: string): Promise<boolean> => {
  return isRunning(cluster, rootName(node));
};

/** The command that runs what follows it in the node's namespaces. */
export const enter = async (cluster: Cluster, node: string): Promise<string[]> => {
  return ['nsenter', '--target', String(await rootPid(cluster, node)), '--mount', '--'];
};

export const containerRuntime = async (cluster: Cluster, node: NodeRecord): Promise<Component> => {
  const { config, socket, program } = placeOf(node);
  const seen = join(await visibleRoot(cluster, node.name), socket);
  return {
    name: `${node.name}/containerd`,
    from: { packages: [] }, // the node's own
    within: await enter(cluster, node.name),
    argv: [program, '--config', config],
    ready: () => listens(seen),
  };
};

/** The kubelet and the CSI plugins that register with it. */
export const kubeletAndPlugins = async (cluster: Cluster, { name, index }: NodeRecord): Promise<Component[]> => {
  const address = nodeAddress(cluster, index);
  const within = await enter(cluster, name);
  const kubelet: Component = {
    name: kubeletName(name),
    from: { module: 'kubernetes' },
    within,
    argv: [
      'kubelet',
      `--config=${KUBELET_CONFIG}`,
      `--kubeconfig=${kubeconfig(cluster.folder, userName(name))}`,
      `--hostname-override=${name}`,
      `--node-ip=${address}`,
    ],
    ready: () => answers(`http://${address}:10248/healthz`, [200]),
  };
  return [kubelet, ...csiNodePlugins(cluster, name, within, await visibleRoot(cluster, name))];
};

const visibleRoot = async (cluster: Cluster, node: string): Promise<string> =>
  `/proc/${await rootPid(cluster, node)}/root`;

const rootPid = async (cluster: Cluster, node: string): Promise<number> => {
  const [pid] = await members(group(cluster, rootName(node)));
  if (pid === undefined) throw new Error(`node ${node} does not run`);
  return pid;
};
