import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createKubeletRoot, killGroup, members, removeGroup } from './cgroups.ts';
import { binaryFolder, type Component, type Source, startAll } from './components.ts';
import { csiNodePlugins, DRIVERS } from './csi.ts';
import { group, isRunning, stopDaemon } from './daemons.ts';
import { attachReadOnly, detachLoops, poolFolder } from './disk.ts';
import { createUser, type Kubectl, kubeconfig } from './kubeconfig.ts';
import { addAddress, nodeAddress, removeAddress } from './network.ts';
import {
  type ContainerdVersion,
  containerdConfig,
  containerdSource,
  kubeletConfig,
  podNetwork,
} from './node-config.ts';
import {
  forgetNode,
  libFolder,
  type NodeRecord,
  readNode,
  recordNode,
  rootPath,
  writableFolder,
} from './node-record.ts';
import { forget } from './pki.ts';
import { answers, exists, listens } from './probes.ts';
import { openRegistry } from './registry.ts';
import { run } from './run.ts';
import { CACHE, type Cluster } from './state.ts';
import { until } from './until.ts';

const RUNTIME_BINARIES = ['containerd', 'containerd-shim-runc-v2', 'ctr'];

/** What every node is made of, whatever its containerd. */
export const NODE_SOURCES: Source[] = [
  { packages: ['runc', 'containernetworking-plugins'] },
  { module: 'kubernetes' },
  { module: 'csi-driver' },
];

/** Boots a node's root and its containerd, not yet a kubelet. */
export async function bootNode(cluster: Cluster, name: string, containerd: ContainerdVersion): Promise<NodeRecord> {
  if (await readNode(cluster, name)) throw new Error(`node ${name} exists; remove it with: node rm ${name}`);
  const node = await recordNode(cluster, name, containerd);
  await prepareFiles(cluster, node);
  await createKubeletRoot(group(cluster, name));
  await addAddress(cluster, node.index);
  await startAll(cluster, [rootHolder(cluster, name)]);
  await startAll(cluster, [await containerRuntime(cluster, node)]);
  return node;
}

export async function requireSnapshot(cluster: Cluster, handle: string): Promise<void> {
  if (!(await exists(snapshotImage(cluster, handle)))) throw new Error(`no snapshot ${handle}`);
}

/** Mounts a clone of the snapshot at the node's /preload, as a cloud and cloud-init would. */
export async function mountSnapshot(cluster: Cluster, name: string, handle: string): Promise<void> {
  const clone = join(writableFolder(cluster, name), 'preload.img');
  await run(['cp', '--reflink=always', snapshotImage(cluster, handle), clone]);
  const device = await attachReadOnly(clone);
  const type = (await run(['blkid', '--probe', '--output', 'value', '--match-tag', 'TYPE', device])).trim();
  const options = type === 'xfs' ? 'ro,nouuid' : 'ro'; // a clone has its source's UUID
  await run([...(await enter(cluster, name)), 'mount', '-t', type, '-o', options, device, '/preload']);
}

/** Starts the kubelet and the CSI plugins; returns when the node is Ready and knows the drivers. */
export async function startKubelet(cluster: Cluster, node: NodeRecord, kubectl: Kubectl): Promise<void> {
  const root = `/proc/${await holderPid(cluster, node.name)}/root`;
  const plugins = csiNodePlugins(cluster, node.name, await enter(cluster, node.name), root);
  await startAll(cluster, [await kubelet(cluster, node), ...plugins]);
  await kubectl(['wait', '--for=create', '--timeout=60s', `node/${node.name}`]);
  await kubectl(['wait', '--for=condition=Ready', '--timeout=60s', `node/${node.name}`]);
  await until(`the CSI drivers of ${node.name}`, async () => {
    const known = await kubectl(['get', 'csinode', node.name, '-o', 'jsonpath={.spec.drivers[*].name}']);
    return DRIVERS.every(({ driver }) => known.split(' ').includes(driver));
  });
}

/** Whether all of the node's daemons run that ever started. */
export async function isNodeBooted(cluster: Cluster, name: string): Promise<boolean> {
  return (await isRunning(cluster, holderName(name))) && (await isRunning(cluster, `${name}/containerd`));
}

/** Takes the node out of the cluster, first politely, and removes all it had. */
export async function removeNode(cluster: Cluster, name: string, kubectl: Kubectl): Promise<void> {
  const node = await readNode(cluster, name);
  if (!node) throw new Error(`no node ${name}`);
  if (await isRunning(cluster, `${name}/kubelet`)) {
    const flags = [
      '--force',
      '--ignore-daemonsets',
      '--delete-emptydir-data',
      '--disable-eviction',
      '--grace-period=1',
    ];
    await kubectl(['drain', name, ...flags, '--timeout=30s']).catch(() => ''); // what clings to the node is killed below
    await stopDaemon(cluster, `${name}/kubelet`);
  }
  await killGroup(group(cluster, name), 0);
  await kubectl(['delete', 'node', name, '--ignore-not-found']);
  await detachLoops(writableFolder(cluster, name));
  await removeAddress(cluster, node.index);
  await removeGroup(group(cluster, name));
  await forget(cluster.folder, userName(name));
  await forgetNode(cluster, node);
}

/** The command that runs what follows it in the node's namespaces. */
export async function enter(cluster: Cluster, name: string): Promise<string[]> {
  return ['nsenter', '--target', String(await holderPid(cluster, name)), '--mount', '--'];
}

const snapshotImage = ({ folder }: Cluster, handle: string): string => join(poolFolder(folder), `${handle}.img`);

const holderName = (node: string): string => `${node}/root`;
const userName = (node: string): string => `system:node:${node}`;

async function holderPid(cluster: Cluster, name: string): Promise<number> {
  const [pid] = await members(group(cluster, holderName(name)));
  if (pid === undefined) throw new Error(`node ${name} does not run`);
  return pid;
}

async function prepareFiles(cluster: Cluster, { name, containerd, index }: NodeRecord): Promise<void> {
  const address = nodeAddress(cluster, index);
  const addresses = [`IP:${address}`, `DNS:${name}`];
  const identity = { name: userName(name), organization: 'system:nodes', addresses };
  await createUser(cluster.folder, cluster.ports.apiserver, identity);
  for (const folder of ['containerd', 'kubelet', 'kubectl-preload']) {
    await mkdir(join(libFolder(cluster, name), folder), { recursive: true });
  }
  const files = {
    '/etc/containerd/config.toml': containerdConfig(containerd, `${openRegistry(cluster)}/sample/pause:3.10`),
    '/etc/cni/net.d/10-pods.conflist': JSON.stringify(podNetwork(cluster.id, cluster.network, index)),
    '/etc/kubernetes/kubelet.json': JSON.stringify(
      kubeletConfig(cluster.folder, userName(name), address, group(cluster, name)),
    ),
    '/etc/hostname': `${name}\n`,
  };
  for (const [path, text] of Object.entries(files)) {
    const file = rootPath(cluster, name, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  await installRuntime(cluster, name, containerd);
}

/** Puts the node's own containerd where the export pod and restore.sh look for it. */
async function installRuntime(cluster: Cluster, name: string, containerd: ContainerdVersion): Promise<void> {
  const folder = await binaryFolder(containerdSource(containerd), () => {});
  if (!folder) return; // the machine's package is what shines through
  await mkdir(rootPath(cluster, name, '/usr/bin'), { recursive: true });
  for (const binary of RUNTIME_BINARIES) {
    await copyFile(join(folder, binary), rootPath(cluster, name, `/usr/bin/${binary}`));
  }
}

function rootHolder(cluster: Cluster, name: string): Component {
  const script = join(import.meta.dirname, 'node-root.sh');
  const shared = [cluster.folder, CACHE];
  return {
    name: holderName(name),
    from: { packages: ['util-linux'] },
    argv: ['unshare', '--mount', 'sh', script, writableFolder(cluster, name), libFolder(cluster, name), ...shared],
    ready: async () => {
      const [pid] = await members(group(cluster, holderName(name)));
      return pid !== undefined && (await exists(`/proc/${pid}/root/run/booted`));
    },
  };
}

async function containerRuntime(cluster: Cluster, { name }: NodeRecord): Promise<Component> {
  return {
    name: `${name}/containerd`,
    from: { packages: [] }, // the node's own
    within: await enter(cluster, name),
    argv: ['containerd'],
    ready: async () => listens(`/proc/${await holderPid(cluster, name)}/root/run/containerd/containerd.sock`),
  };
}

async function kubelet(cluster: Cluster, { name, index }: NodeRecord): Promise<Component> {
  const address = nodeAddress(cluster, index);
  return {
    name: `${name}/kubelet`,
    from: { module: 'kubernetes' },
    within: await enter(cluster, name),
    argv: [
      'kubelet',
      '--config=/etc/kubernetes/kubelet.json',
      `--kubeconfig=${kubeconfig(cluster.folder, userName(name))}`,
      `--hostname-override=${name}`,
      `--node-ip=${address}`,
    ],
    ready: () => answers(`http://${address}:10248/healthz`, [200]),
  };
}
