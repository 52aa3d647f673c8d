/** A ready preload, as new nodes need to know it. */
export interface NodeDisk {
  /** of the preload */
  name: string;
  namespace: string;
  /** ID in the cloud or storage system, such as `snap-0a1b2c3d4e5f67890` */
  snapshotId: string;
  /** CSI driver of the snapshot */
  driver: string;
  /** UUID of the volume's filesystem */
  filesystem: string;
  /** `linux/amd64` */
  platform: string;
  /** digest of the volume's preload.json, for restore.sh --expect */
  contentsDigest: string;
  /** bytes that a disk made from the snapshot must have at least; 0 if its driver does not report it */
  size: number;
  /** region of the nodes, or their zone if they have none; undefined if it is not known */
  region: string | undefined;
}

/** Text for one kind of node that gets a disk from the snapshot. */
export interface Recipe {
  target: string;
  /** what it prints */
  describe: string;
  /** CSI drivers whose snapshots it can use; any if undefined */
  drivers?: readonly string[];
  text: (disk: NodeDisk) => string;
}
