import type { NodeDisk } from '../../model/node-disk.ts';
import { architecture } from './recipe.ts';

export const EBS = {
  drivers: ['ebs.csi.aws.com', 'ebs.csi.eks.amazonaws.com'], // the second one is EKS Auto Mode's
  platforms: ['linux/amd64', 'linux/arm64'],
};

/** A disk that AWS fills from the snapshot while it is read needs to be read ahead. */
export const FLAGS = ['--prewarm'];

/** An instance type that runs the images. */
export const instanceType = (disk: NodeDisk): string => (architecture(disk) === 'arm64' ? 'm7g.large' : 'm7i.large');

/** What the rate in recipes means. */
export const RATE = [
  'With volumeInitializationRate, AWS fills the disk at that many MiB/s, for a price',
  'per GiB; without, what is read for the first time is slow.',
];
