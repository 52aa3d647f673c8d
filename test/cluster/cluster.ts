import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { obituaries, provide, startAll } from './components.ts';
import { adminKubectl, controlPlane, createCredentials } from './control-plane/control-plane.ts';
import type { Kubectl } from './control-plane/kubeconfig.ts';
import { applySnapshotCrds } from './control-plane/snapshot-api.ts';
import { applyClasses, csiControllers, DRIVERS } from './csi.ts';
import { ensurePackages } from './machine/apt.ts';
import { killGroup, removeGroup } from './machine/cgroups.ts';
import { createDisk, isDiskMounted, removeDisk } from './machine/disk.ts';
import { createBridge, NETWORK_PACKAGES, removeBridge } from './machine/network.ts';
import { exists } from './machine/probes.ts';
import { restoreSysctls, saveSysctls } from './machine/sysctls.ts';
import type { ContainerdVersion } from './node/config.ts';
import { containerRuntime, hasRoot } from './node/daemons.ts';
import { bootNode, nodeSources, removeNode, startKubelet } from './node/node.ts';
import { readNode } from './node/record.ts';
import { configureRegistries, registries } from './registry.ts';
import { type Cluster, clusterId, newCluster, readCluster, writeCluster } from './state.ts';

const WORKER = 'worker';

type Log = (line: string) => void;

/** Boots what does not run yet; returns when the worker is Ready and a claim was provisioned. */
export const up = async (folder: string, containerd: ContainerdVersion, log: Log): Promise<void> => {
  const cluster = (await intactCluster(folder)) ?? (await newClusterIn(folder, log));
  const components = [...controlPlane(cluster), ...registries(cluster), ...csiControllers(cluster)];
  await provide([...components.map(({ from }) => from), ...nodeSources(containerd)], log);
  if (!(await readCluster(folder))) await layFoundation(cluster);
  const kubectl = await adminKubectl(cluster);

  log('starting the control plane and the registries');
  await createBridge(cluster);
  await startAll(cluster, [...controlPlane(cluster), ...registries(cluster)]);
  await applySnapshotCrds(kubectl);
  await applyClasses(kubectl);

  log(`starting storage and node ${WORKER} with containerd ${containerd}`);
  await Promise.all([startAll(cluster, csiControllers(cluster)), ensureWorker(cluster, containerd, kubectl)]);
  await proveStorage(kubectl).catch(async (error) => {
    throw new Error([error.message, await obituaries(cluster, components)].join('\n'));
  });
  await writeCluster(cluster);
};

/** Ends and removes all that `up` and `node add` made in this folder, whatever state it is in. */
export const down = async (folder: string): Promise<void> => {
  const id = clusterId(folder);
  await killGroup(id, 0);
  await removeDisk(folder);
  await removeBridge(id);
  await removeGroup(id);
  await restoreSysctls(folder);
  if (await exists(markerFile(folder))) await rm(folder, { recursive: true });
};

const intactCluster = async (folder: string): Promise<Cluster | undefined> => {
  return (await isDiskMounted(folder)) ? readCluster(folder) : undefined; // a reboot takes the mount
};

const newClusterIn = async (folder: string, log: Log): Promise<Cluster> => {
  if (await exists(markerFile(folder))) {
    log(`removing what an earlier run left in ${folder}`);
  } else if (await isFilled(folder)) {
    throw new Error(`${folder} is no folder of a test cluster`);
  }
  await ensurePackages(NETWORK_PACKAGES, log);
  await down(folder);
  await mkdir(folder, { recursive: true });
  await writeFile(markerFile(folder), '');
  await saveSysctls(folder);
  return newCluster(folder);
};

const layFoundation = async (cluster: Cluster): Promise<void> => {
  await Promise.all([createDisk(cluster.folder), createCredentials(cluster), configureRegistries(cluster)]);
};

const ensureWorker = async (cluster: Cluster, containerd: ContainerdVersion, kubectl: Kubectl): Promise<void> => {
  const known = await readNode(cluster, WORKER);
  const fits = known?.containerd === containerd && (await hasRoot(cluster, WORKER));
  if (known && !fits) await removeNode(cluster, WORKER, kubectl);
  const node = known && fits ? known : await bootNode(cluster, WORKER, containerd);
  await startAll(cluster, [await containerRuntime(cluster, node)]);
  await startKubelet(cluster, node, kubectl);
};

const proveStorage = async (kubectl: Kubectl): Promise<void> => {
  const claims = DRIVERS.map(({ storageClass }) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: `probe-${storageClass}`, namespace: 'kube-system' },
    spec: {
      storageClassName: storageClass,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '16Mi' } },
    },
  }));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: claims });
  await kubectl(['apply', '-f', '-'], list);
  await kubectl(['wait', '--for=jsonpath={.status.phase}=Bound', '--timeout=30s', '-f', '-'], list);
  await kubectl(['delete', '--wait', '-f', '-'], list);
};

const markerFile = (folder: string): string => join(folder, '.kubectl-preload-cluster');

const isFilled = async (folder: string): Promise<boolean> => {
  return (await readdir(folder).catch(() => [])).length > 0;
};
