import type { NodeDisk } from '../../model/node-disk.ts';

/** Text for one kind of node that gets a disk from the snapshot. */
export interface Recipe {
  target: string;
  /** what it prints */
  describe: string;
  /** CSI drivers whose snapshots it can use; any if undefined */
  drivers?: readonly string[];
  /** platforms of the nodes that it can describe; any if undefined */
  platforms?: readonly string[];
  text: (disk: NodeDisk) => string;
}

/** `amd64` of `linux/amd64`. */
export const architecture = ({ platform }: NodeDisk): string => platform.split('/')[1] ?? '';

/** Size of a disk made from the snapshot, in whole GiB. */
export const gibibytes = ({ size }: NodeDisk): number => Math.max(1, Math.ceil(size / 1024 ** 3));

/** `text` with `count` spaces before each line that is not empty. */
export const indent = (count: number, text: string): string => text.replace(/^(?=.)/gm, ' '.repeat(count));

/** Comment lines for the head of a recipe: what the disk is, then what to adapt. */
export const heading = (disk: NodeDisk, ...notes: string[]): string => {
  const { name, namespace, snapshotId, driver, platform, region } = disk;
  const lines = [
    `Preload ${name} in namespace ${namespace}, for ${platform}: snapshot ${snapshotId}`,
    `of ${driver}${region === undefined ? ', which is tied to its region' : `, usable only in ${region}`}.`,
    ...notes,
  ];
  return lines.map((line) => `# ${line}`.trimEnd()).join('\n');
};
