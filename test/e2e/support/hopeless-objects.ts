const storageClass = (name: string, provisioner: string) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  provisioner,
});

export const snapshotClass = (name: string, driver: string, parameters: object) => ({
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshotClass',
  metadata: { name },
  driver,
  deletionPolicy: 'Delete',
  parameters,
});

/** Classes that never produce a snapshot; create accepts some and refuses others. */
export const HOPELESS_CLASSES = [
  storageClass('without-snapshots', 'nobody.preload.test'),
  storageClass('stuck', 'absent.preload.test'),
  snapshotClass('stuck', 'absent.preload.test', {}),
];

/** A node without a kubelet, only for the scheduler; nothing fits on it. */
export const TINY_NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'tiny', labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' } },
  spec: { unschedulable: true },
  status: {
    allocatable: { cpu: '50m', memory: '128Mi', pods: '10' },
    capacity: { cpu: '50m', memory: '128Mi', pods: '10' },
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    nodeInfo: { operatingSystem: 'linux', architecture: 'amd64' },
  },
};
