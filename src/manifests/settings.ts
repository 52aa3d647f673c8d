/** What the objects of one preload are built from. */
export interface PreloadSettings {
  name: string;
  namespace: string;
  /** of this tool, for the labels */
  version: string;
  /** Kubernetes quantity */
  size: string;
  storageClass?: string;
  snapshotClass?: string;
  /** of the loader: any with a node ≥ 22 */
  image: string;
  /** `linux/amd64` */
  platform: string;
  /** the loader must run there */
  node?: string;
  /** the loader should run there */
  preferredNode?: string;
  /** name of an older snapshot to start from */
  base?: string;
  /** there is a secret with pull secrets */
  pullSecrets?: boolean;
  /** seconds until the loader is stopped, whatever becomes of this process */
  deadline: number;
}
