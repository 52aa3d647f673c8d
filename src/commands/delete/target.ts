import type { Deletion } from '../../cluster/delete-preload.ts';
import type { KubernetesObject } from '../../manifests/object.ts';

/** A preload, or what a run left. */
export interface Target {
  /** what will be deleted */
  objects: readonly KubernetesObject[];
  /** what happens to the snapshot in the storage; undefined without one */
  outlook?: string;
  remove: (options: RemoveOptions) => Promise<Removed>;
}

interface RemoveOptions {
  signal: AbortSignal;
  /** the server only checks the requests */
  dryRun: boolean;
}

export interface Removed {
  /** whose deletion was requested */
  objects: readonly KubernetesObject[];
  /** of a preload with a snapshot */
  deletion?: Deletion;
}

export interface Targets {
  targets: Target[];
  /** why something that was asked for cannot be deleted */
  failures: Error[];
}
