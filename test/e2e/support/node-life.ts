import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { binaryFolder, commandLine, provide, startAll } from '../../cluster/components.ts';
import { adminKubectl } from '../../cluster/control-plane/control-plane.ts';
import type { GoModule } from '../../cluster/go-build.ts';
import { createKubeletRoot, killGroup, members, removeGroup } from '../../cluster/machine/cgroups.ts';
import { group, startDaemon, stopDaemon } from '../../cluster/machine/daemons.ts';
import { until } from '../../cluster/machine/until.ts';
import { containerRuntime, kubeletName, nodeRoot } from '../../cluster/node/daemons.ts';
import { KUBELET_CONFIG } from '../../cluster/node/files.ts';
import { mountDisk, mountSnapshot, startKubelet } from '../../cluster/node/node.ts';
import { type NodeRecord, readNode } from '../../cluster/node/record.ts';
import { type Cluster, readCluster, STATE } from '../../cluster/state.ts';
import { onNode } from './commands.ts';

const known = async (name: string): Promise<{ cluster: Cluster; node: NodeRecord }> => {
  const cluster = (await readCluster(STATE)) as Cluster;
  return { cluster, node: (await readNode(cluster, name)) as NodeRecord };
};

/** Restarts containerd as systemd does: what runs in containers goes on. */
export const restartContainerd = async (name: string): Promise<void> => {
  const { cluster, node } = await known(name);
  const containerd = await containerRuntime(cluster, node);
  const daemons = async () => {
    const pids = await members(group(cluster, containerd.name));
    const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')));
    return pids.filter((_, index) => names[index]?.trim() === 'containerd');
  };
  for (const pid of await daemons()) process.kill(pid);
  await until('the end of containerd', async () => (await daemons()).length === 0);
  await startDaemon(cluster, containerd.name, await commandLine(containerd));
  await until('a new containerd', containerd.ready);
};

/** Ends all that runs on the node, and its mounts. */
export const powerOff = async (name: string): Promise<void> => {
  const { cluster } = await known(name);
  await killGroup(group(cluster, name), 0);
  await removeGroup(group(cluster, name)); // no boot finds any, and the kubelet waits 3 s for each container's
};

/** Boots a node that was powered off, up to the point before containerd starts, without its disk. */
export const boot = async (name: string): Promise<void> => {
  const { cluster } = await known(name);
  await createKubeletRoot(group(cluster, name));
  await startAll(cluster, [nodeRoot(cluster, name)]);
};

/** Starts containerd and kubelet on a node that boots. */
export const startDaemons = async (name: string): Promise<void> => {
  const { cluster, node } = await known(name);
  await startAll(cluster, [await containerRuntime(cluster, node)]);
  await startKubelet(cluster, node, await adminKubectl(cluster));
};

/** Mounts the node's disk at /preload again. */
export const mountAgain = async (name: string): Promise<void> => mountDisk((await known(name)).cluster, name);

/** Gives the node one more disk. */
export const mountAnother = async (name: string, snapshot: string, path: string): Promise<void> =>
  mountSnapshot((await known(name)).cluster, name, snapshot, path);

/** Restarts the kubelet with settings beside those it has. */
export const reconfigureKubelet = async (name: string, settings: object): Promise<void> => {
  const { cluster, node } = await known(name);
  const config = JSON.parse(await onNode(name, ['cat', KUBELET_CONFIG]));
  const text = JSON.stringify({ ...config, ...settings });
  await onNode(name, ['sh', '-c', 'printf %s "$1" >"$2"', 'sh', text, KUBELET_CONFIG]);
  await stopDaemon(cluster, kubeletName(name));
  await startKubelet(cluster, node, await adminKubectl(cluster));
};

/** Puts a program of our own build into the node's /usr/local/sbin. */
export const install = async (name: string, module: GoModule, program: string): Promise<void> => {
  await provide([{ module }], console.error);
  await onNode(name, ['install', join(await binaryFolder({ module }), program), '/usr/local/sbin/']);
};

interface ListedImage {
  repoTags: string[];
  repoDigests: string[];
  pinned: boolean;
}

/** What CRI says that the node has; needs crictl there. */
export const listed = async (name: string): Promise<ListedImage[]> => {
  return JSON.parse(await onNode(name, ['crictl', 'images', '--output', 'json'])).images;
};
