import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePorts } from './machine/ports.ts';
import { run } from './machine/run.ts';

const PORTS = [
  'etcd',
  'etcdPeer',
  'apiserver',
  'controllerManager',
  'scheduler',
  'registry',
  'privateRegistry',
] as const;

/** Port on loopback by the name of who listens there. */
export type Ports = Record<(typeof PORTS)[number], number>;

/** What is fixed when a cluster is first booted. */
export interface Cluster {
  folder: string;
  /** names the bridge and the root of the cgroups, so that several clusters can share a machine */
  id: string;
  /** first two octets of the node and pod network, a /16 */
  network: string;
  ports: Ports;
}

export const REPOSITORY = resolve(import.meta.dirname, '../..');

/** Survives `down`: what was built. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kubectl-preload');

/** All that a running cluster keeps on disk; `down` removes it. */
export const STATE = resolve(process.env.KUBECTL_PRELOAD_CLUSTER_STATE || '/var/tmp/kubectl-preload-cluster');

export const clusterId = (folder: string): string => {
  return `kpl-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
};

export const newCluster = async (folder: string): Promise<Cluster> => {
  return { folder, id: clusterId(folder), network: await freeNetwork(), ports: await portsByName() };
};

/** The cluster that was booted in this folder, if its boot came to an end. */
export const readCluster = async (folder: string): Promise<Cluster | undefined> => {
  const text = await readFile(clusterFile(folder), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Cluster);
};

export const writeCluster = async (cluster: Cluster): Promise<void> => {
  await writeAtomically(clusterFile(cluster.folder), `${JSON.stringify(cluster, null, 2)}\n`);
};

export const writeAtomically = async (file: string, text: string): Promise<void> => {
  await mkdir(resolve(file, '..'), { recursive: true });
  await writeFile(`${file}.partial`, text);
  await rename(`${file}.partial`, file);
};

const clusterFile = (folder: string): string => join(folder, 'cluster.json');

const freeNetwork = async (): Promise<string> => {
  // not networkInterfaces() of Node, which leaves out a bridge that nothing is plugged into
  const interfaces = JSON.parse(await run(['ip', '-json', 'address'])) as { addr_info: { local?: string }[] }[];
  const taken = interfaces.flatMap(({ addr_info }) => addr_info.flatMap(({ local }) => local ?? []));
  for (let octet = 250; octet > 100; octet--) {
    const network = `10.${octet}`;
    if (!taken.some((address) => address.startsWith(`${network}.`))) return network;
  }
  throw new Error('no network 10.101.0.0/16 to 10.250.0.0/16 is free');
};

const portsByName = async (): Promise<Ports> => {
  const ports = await freePorts(PORTS.length);
  return Object.fromEntries(PORTS.map((name, index) => [name, ports[index]])) as Ports;
};
