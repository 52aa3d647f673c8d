import type { NodeDisk } from '../../src/model/node-disk.ts';
import { digest } from './captured-images.ts';

/** A preload on EBS, with some values of its own. */
export const nodeDisk = (own: Partial<NodeDisk> = {}): NodeDisk => ({
  ...{ name: 'nightly', namespace: 'kube-system' },
  ...{ snapshotId: 'snap-0a1b2c3d4e5f67890', driver: 'ebs.csi.aws.com' },
  ...{
    filesystem: '6f1c3c1e-2f0b-4c7e-9d55-0a2b7f7a1e11',
    platform: 'linux/amd64',
    set: '0123456789ab',
    contentsDigest: digest('6'),
  },
  ...{ size: 3584 * 1024 ** 2, region: 'eu-west-1' },
  ...own,
});
