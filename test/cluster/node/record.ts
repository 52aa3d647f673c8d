import { mkdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFolder } from '../machine/disk.ts';
import { type Cluster, writeAtomically } from '../state.ts';
import type { ContainerdVersion } from './config.ts';

const FIRST_INDEX = 2; // the machine itself has 1
const LAST_INDEX = 250;

export interface NodeRecord {
  name: string;
  containerd: ContainerdVersion;
  /** containerd has a configuration file, a socket and a root of its own */
  own: boolean;
  /** fixes its addresses */
  index: number;
}

/** What of a node's /var/lib holds layers, or mounts that other layers are made of. */
export const LIB_FOLDERS = ['containerd', 'agent', 'kubelet', 'kubectl-preload'];

/** The node's own name in the API. */
export const userName = (node: string): string => `system:node:${node}`;

/** Node-local folders on the machine's own file system: LIB/NAME is the node's /var/lib/NAME. */
export const libFolder = (cluster: Cluster, node: string): string => join(cluster.folder, 'nodes', node, 'lib');
/** What else the node writes, on the cluster's disk. */
export const writableFolder = (cluster: Cluster, node: string): string =>
  join(diskFolder(cluster.folder), 'nodes', node);
/** A path of the node's root, before it boots. */
export const rootPath = (cluster: Cluster, node: string, path: string): string =>
  join(writableFolder(cluster, node), 'upper', path);

export const readNode = async (cluster: Cluster, name: string): Promise<NodeRecord | undefined> => {
  const text = await readFile(recordFile(cluster, name), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as NodeRecord);
};

export const recordNode = async (
  cluster: Cluster,
  name: string,
  kind: Pick<NodeRecord, 'containerd' | 'own'>,
): Promise<NodeRecord> => {
  const record = { name, ...kind, index: await takeIndex(cluster) };
  await writeAtomically(recordFile(cluster, name), JSON.stringify(record));
  return record;
};

/** Removes all the node's files; the record goes last. */
export const forgetNode = async (cluster: Cluster, { name, index }: NodeRecord): Promise<void> => {
  for (const folder of [writableFolder(cluster, name), libFolder(cluster, name), join(cluster.folder, 'logs', name)]) {
    await rm(folder, { recursive: true, force: true });
  }
  await rmdir(indexFolder(cluster, index)).catch(() => {});
  await rm(join(cluster.folder, 'nodes', name), { recursive: true, force: true });
};

const recordFile = (cluster: Cluster, name: string): string => join(cluster.folder, 'nodes', name, 'node.json');
const indexFolder = (cluster: Cluster, index: number): string => join(cluster.folder, 'indexes', String(index));

// mkdir settles races between harnesses that add nodes at the same time
const takeIndex = async (cluster: Cluster): Promise<number> => {
  await mkdir(join(cluster.folder, 'indexes'), { recursive: true });
  for (let index = FIRST_INDEX; index <= LAST_INDEX; index++) {
    const taken = await mkdir(indexFolder(cluster, index)).then(
      () => true,
      () => false,
    );
    if (taken) return index;
  }
  throw new Error(`no more than ${LAST_INDEX - FIRST_INDEX + 1} nodes`);
};
