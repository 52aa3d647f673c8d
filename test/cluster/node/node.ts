import { basename, join } from 'node:path';
import { type Source, startAll } from '../components.ts';
import type { Kubectl } from '../control-plane/kubeconfig.ts';
import { DRIVERS } from '../csi.ts';
import { createKubeletRoot, killGroup, removeGroup } from '../machine/cgroups.ts';
import { group, isRunning, stopDaemon } from '../machine/daemons.ts';
import { attachReadOnly, DISK_PACKAGES, detachLoops, poolFolder } from '../machine/disk.ts';
import { addAddress, removeAddress } from '../machine/network.ts';
import { forget } from '../machine/pki.ts';
import { exists } from '../machine/probes.ts';
import { run } from '../machine/run.ts';
import { until } from '../machine/until.ts';
import type { Cluster } from '../state.ts';
import { type ContainerdVersion, containerdSource } from './config.ts';
import { containerRuntime, enter, kubeletAndPlugins, kubeletName, nodeRoot } from './daemons.ts';
import { prepareFiles } from './files.ts';
import { forgetNode, type NodeRecord, readNode, recordNode, userName, writableFolder } from './record.ts';

const NODE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What a node is made of. */
export const nodeSources = (containerd: ContainerdVersion): Source[] => [
  { packages: ['runc', 'containernetworking-plugins', ...DISK_PACKAGES] },
  { module: 'kubernetes' },
  { module: 'csi-driver' },
  containerdSource(containerd),
];

/** Boots a new node as far as its containerd, which has an empty store; `first` happens before that starts. */
export const bootNode = async (
  cluster: Cluster,
  name: string,
  containerd: ContainerdVersion,
  own = false,
  first: () => Promise<void> = async () => {},
): Promise<NodeRecord> => {
  if (!NODE_NAME.test(name)) throw new Error(`${name} is no name for a node`);
  if (await readNode(cluster, name)) throw new Error(`node ${name} exists; remove it with: node rm ${name}`);
  if (await isRunning(cluster, name)) throw new Error(`${name} names a component`);
  const node = await recordNode(cluster, name, { containerd, own });
  await prepareFiles(cluster, node);
  await createKubeletRoot(group(cluster, name));
  await addAddress(cluster, node.index);
  await startAll(cluster, [nodeRoot(cluster, name)]);
  await first();
  await startAll(cluster, [await containerRuntime(cluster, node)]);
  return node;
};

/** Mounts a clone of the snapshot on the node, as a cloud and cloud-init would. */
export const mountSnapshot = async (
  cluster: Cluster,
  name: string,
  handle: string,
  path = '/preload',
): Promise<void> => {
  const clone = join(writableFolder(cluster, name), `${basename(path)}.img`);
  await run(['cp', '--reflink=always', snapshotImage(cluster, handle), clone]);
  await mountDisk(cluster, name, path);
};

/** Mounts what mountSnapshot has put on the node; again after a boot. */
export const mountDisk = async (cluster: Cluster, name: string, path = '/preload'): Promise<void> => {
  const device = await attachReadOnly(join(writableFolder(cluster, name), `${basename(path)}.img`));
  const type = (await run(['blkid', '--probe', '--output', 'value', '--match-tag', 'TYPE', device])).trim();
  const options = type === 'xfs' ? 'ro,nouuid' : 'ro'; // a clone has its source's UUID
  await run([...(await enter(cluster, name)), 'mount', '--mkdir', '-t', type, '-o', options, device, path]);
};

export const requireSnapshot = async (cluster: Cluster, handle: string): Promise<void> => {
  if (!(await exists(snapshotImage(cluster, handle)))) throw new Error(`no snapshot ${handle}`);
};

/** Starts the kubelet where it does not run; returns when the node is Ready and knows the CSI drivers. */
export const startKubelet = async (cluster: Cluster, node: NodeRecord, kubectl: Kubectl): Promise<void> => {
  await startAll(cluster, await kubeletAndPlugins(cluster, node));
  await kubectl(['wait', '--for=create', '--timeout=60s', `node/${node.name}`]);
  await kubectl(['wait', '--for=condition=Ready', '--timeout=60s', `node/${node.name}`]);
  await until(`the CSI drivers of ${node.name}`, async () => {
    const known = await kubectl(['get', 'csinode', node.name, '-o', 'jsonpath={.spec.drivers[*].name}']);
    return DRIVERS.every(({ driver }) => known.split(' ').includes(driver));
  });
};

/** Takes the node out of the cluster, politely first, and removes all it had. */
export const removeNode = async (cluster: Cluster, name: string, kubectl: Kubectl): Promise<void> => {
  const node = await readNode(cluster, name);
  if (!node) throw new Error(`no node ${name}`);
  if (await isRunning(cluster, kubeletName(name))) await drain(name, kubectl);
  await stopDaemon(cluster, kubeletName(name));
  await killGroup(group(cluster, name), 0);
  await kubectl(['delete', 'node', name, '--ignore-not-found']);
  await detachLoops(writableFolder(cluster, name));
  await removeAddress(cluster, node.index);
  await removeGroup(group(cluster, name));
  await forget(cluster.folder, userName(name));
  await forgetNode(cluster, node);
};

/** Lets the kubelet unmount the pods' volumes; whatever remains is killed with the node. */
const drain = async (name: string, kubectl: Kubectl): Promise<void> => {
  const flags = ['--force', '--ignore-daemonsets', '--delete-emptydir-data', '--disable-eviction', '--grace-period=1'];
  await kubectl(['drain', name, ...flags, '--timeout=30s']).catch(() => '');
};

const snapshotImage = ({ folder }: Cluster, handle: string): string => join(poolFolder(folder), `${handle}.img`);
