import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { binaryFolder } from '../components.ts';
import { createUser } from '../control-plane/kubeconfig.ts';
import { group } from '../machine/daemons.ts';
import { nodeAddress } from '../machine/network.ts';
import { openRegistry, PRIVATE_PASSWORD, PRIVATE_USER, privateRegistry } from '../registry.ts';
import type { Cluster } from '../state.ts';
import {
  AGENT_PROGRAM,
  containerdConfig,
  containerdSource,
  isAgent,
  kubeletConfig,
  placeOf,
  podNetwork,
} from './config.ts';
import { LIB_FOLDERS, libFolder, type NodeRecord, rootPath, userName } from './record.ts';

const RUNTIME_BINARIES = ['containerd', 'containerd-shim-runc-v2', 'ctr'];

export const KUBELET_CONFIG = '/etc/kubernetes/kubelet.json';

/** Writes what has to be in a node's root and folders before it boots. */
export const prepareFiles = async (cluster: Cluster, node: NodeRecord): Promise<void> => {
  const { name, containerd, own, index } = node;
  const place = placeOf(node);
  const address = nodeAddress(cluster, index);
  const addresses = [`IP:${address}`, `DNS:${name}`];
  const identity = { name: userName(name), organization: 'system:nodes', addresses };
  await createUser(cluster.folder, cluster.ports.apiserver, identity);
  for (const folder of LIB_FOLDERS) await mkdir(join(libFolder(cluster, name), folder), { recursive: true });
  const kubelet = kubeletConfig(cluster.folder, userName(name), {
    address,
    socket: place.socket,
    cgroupRoot: group(cluster, name),
  });
  const login = { server: privateRegistry(cluster), username: PRIVATE_USER, password: PRIVATE_PASSWORD };
  const sandbox = `${openRegistry(cluster)}/sample/pause:3.10`;
  const network = podNetwork(cluster.id, cluster.network, index);
  const files = {
    '/etc/hostname': `${name}\n`,
    [place.config]: containerdConfig(containerd, place, sandbox, own ? login : undefined),
    '/etc/cni/net.d/10-pods.conflist': JSON.stringify(network),
    [KUBELET_CONFIG]: JSON.stringify(kubelet),
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(rootPath(cluster, name, path)), { recursive: true });
    await writeFile(rootPath(cluster, name, path), text);
  }
  await installRuntime(cluster, node);
};

/** Puts the node's own containerd where the export pod and restore.sh look for it. */
const installRuntime = async (cluster: Cluster, node: NodeRecord): Promise<void> => {
  const { name, containerd } = node;
  const folder = await binaryFolder(containerdSource(containerd));
  if (!folder) return; // the machine's package shines through
  await mkdir(rootPath(cluster, name, '/usr/bin'), { recursive: true });
  for (const binary of RUNTIME_BINARIES) {
    await copyFile(join(folder, binary), rootPath(cluster, name, `/usr/bin/${binary}`));
  }
  if (!isAgent(node)) return;
  const program = rootPath(cluster, name, AGENT_PROGRAM);
  await mkdir(dirname(program), { recursive: true });
  await copyFile(join(folder, basename(program)), program);
  await symlink(basename(program), rootPath(cluster, name, placeOf(node).program));
};
