import { join } from 'node:path';
import type { Component } from './components.ts';
import { ADMIN } from './control-plane/control-plane.ts';
import { type Kubectl, kubeconfig } from './control-plane/kubeconfig.ts';
import { poolFolder } from './machine/disk.ts';
import { listens } from './machine/probes.ts';
import type { Cluster } from './state.ts';

interface Driver {
  driver: string;
  storageClass: string;
  attach: boolean;
}

/** A CSIDriver object says for all volumes of a driver whether they are attached, so each mode has its own name. */
export const DRIVERS: Driver[] = [
  { driver: 'disk.preload.test', storageClass: 'disk', attach: false },
  { driver: 'attached-disk.preload.test', storageClass: 'attached-disk', attach: true },
];

/** The controller half of both drivers, with the sidecars that serve them. */
export const csiControllers = (cluster: Cluster): Component[] => {
  const snapshotController: Component = {
    name: 'snapshot-controller',
    from: { module: 'csi-sidecars' },
    argv: [
      'snapshot-controller',
      `--kubeconfig=${kubeconfig(cluster.folder, ADMIN)}`,
      '--retry-interval-start=500ms',
      // it holds a claim if it misses a change while the API server is away, until it looks again: after 15 minutes by default
      '--resync-period=30s',
      '--feature-gates=CSIVolumeGroupSnapshot=false',
    ],
    ready: async () => true,
  };
  return [snapshotController, ...DRIVERS.flatMap((driver) => controller(cluster, driver))];
};

/** The half of both drivers that runs on a node. */
export const csiNodePlugins = (cluster: Cluster, node: string, within: string[], root: string): Component[] => {
  return DRIVERS.map(({ driver, storageClass, attach }) => {
    const socket = `/var/lib/kubelet/plugins/${driver}/csi.sock`;
    return {
      name: `${node}/csi-${storageClass}`,
      from: { module: 'csi-driver' },
      within,
      argv: [
        'csi-driver',
        `-name=${driver}`,
        `-pool=${poolFolder(cluster.folder)}`,
        `-node-id=node-${node}`,
        `-socket=${socket}`,
        `-registration=/var/lib/kubelet/plugins_registry/${driver}-reg.sock`,
        `-attach=${attach}`,
      ],
      ready: () => listens(join(root, socket)),
    };
  });
};

/** CSIDriver, storage and snapshot classes of both drivers. */
export const applyClasses = async (kubectl: Kubectl): Promise<void> => {
  const items = DRIVERS.flatMap(classes);
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
};

const controller = (cluster: Cluster, { driver, storageClass, attach }: Driver): Component[] => {
  const socket = join(cluster.folder, 'csi', `${storageClass}.sock`);
  const config = kubeconfig(cluster.folder, ADMIN);
  const plugin: Component = {
    name: `csi-${storageClass}`,
    from: { module: 'csi-driver' },
    argv: [
      'csi-driver',
      '-controller',
      `-name=${driver}`,
      `-pool=${poolFolder(cluster.folder)}`,
      `-socket=${socket}`,
      `-attach=${attach}`,
    ],
    ready: () => listens(socket),
  };
  const common = [`--kubeconfig=${config}`, `--csi-address=${socket}`, '--timeout=60s'];
  const sidecar = (name: string, from: Component['from'], ...flags: string[]): Component => ({
    name: `${name}-${storageClass}`,
    from,
    needs: [plugin.name],
    argv: [name, ...common, ...flags],
    ready: async () => true, // a claim that gets bound is the proof
  });
  const sidecars: Component['from'] = { module: 'csi-sidecars' };
  const retry = ['--retry-interval-start=500ms', '--retry-interval-max=5s'];
  return [
    plugin,
    sidecar(
      'csi-provisioner',
      { module: 'csi-provisioner' },
      '--extra-create-metadata',
      '--default-fstype=ext4',
      '--feature-gates=Topology=false',
      ...retry,
    ),
    sidecar(
      'csi-snapshotter',
      sidecars,
      '--extra-create-metadata',
      '--feature-gates=CSIVolumeGroupSnapshot=false',
      ...retry,
    ),
    sidecar('csi-resizer', sidecars),
    ...(attach ? [sidecar('csi-attacher', sidecars, ...retry)] : []),
  ];
};

const classes = ({ driver, storageClass, attach }: Driver): object[] => {
  const storage = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    provisioner: driver,
    allowVolumeExpansion: true,
  };
  const isDefault = { 'storageclass.kubernetes.io/is-default-class': String(!attach) };
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: driver },
      spec: { attachRequired: attach, podInfoOnMount: false, fsGroupPolicy: 'File' },
    },
    { ...storage, metadata: { name: storageClass, annotations: isDefault }, volumeBindingMode: 'Immediate' },
    { ...storage, metadata: { name: `${storageClass}-late` }, volumeBindingMode: 'WaitForFirstConsumer' },
    {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshotClass',
      metadata: { name: storageClass, annotations: { 'snapshot.storage.kubernetes.io/is-default-class': 'true' } },
      driver,
      deletionPolicy: 'Delete',
    },
  ];
};
