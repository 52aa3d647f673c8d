import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOnNode } from '../../../src/node/copy-images.ts';

const CSI = '/var/lib/kubelet/plugins/kubernetes.io/csi/driver/0f/globalmount';
const POD = '/var/lib/kubelet/pods/1-2/volumes/kubernetes.io~csi/pvc-3/mount';
const OTHER = '/var/lib/kubelet/pods/1-2/volumes/kubernetes.io~csi/pvc-4/mount';

const mountinfo = (...mounts: [device: string, target: string][]): string =>
  mounts.map(([device, target]) => `231 214 ${device} / ${target} rw,relatime - ext4 /dev/sdb rw\n`).join('');

const HERE: [string, string][] = [
  ['7:1', '/volume'],
  ['7:1', '/host/run/containerd/task/1/rootfs/volume'],
];

test('the volume is found where the driver mounts it for the whole node', () => {
  const text = mountinfo(...HERE, ['7:2', `/host${OTHER}`], ['7:1', `/host${POD}`], ['7:1', `/host${CSI}`]);
  assert.equal(pathOnNode(text, '/volume', '/host'), CSI);
});

test('or where it is mounted for the pod', () => {
  const text = mountinfo(...HERE, ['7:2', `/host${OTHER}`], ['7:1', `/host${POD}`]);
  assert.equal(pathOnNode(text, '/volume', '/host'), POD);
});

test('and not in the container itself', () => {
  assert.equal(pathOnNode(mountinfo(...HERE, ['7:2', `/host${OTHER}`]), '/volume', '/host'), undefined);
});
