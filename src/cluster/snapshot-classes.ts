import type { AnyObject } from '../model/cluster-objects.ts';
import { ApiError, PreloadError } from '../model/errors.ts';
import { SNAPSHOT_CLASS, type SnapshotClass } from '../model/storage-objects.ts';
import type { Cluster } from './connection.ts';
import { list } from './lists.ts';

/** What to snapshot, and hints for the command that does it. */
interface SnapshotSource {
  driver: string;
  /** what uses the driver: `storage class "fast"` */
  user: string;
  /** flag that specifies the snapshot class */
  flag: string;
  /** hint if the named class is for another driver; by default, lists the classes for this driver */
  mismatch?: string;
  /** second hint if no class is for the driver: `use another --storage-class` */
  alternative?: string;
}

export const listSnapshotClasses = async (cluster: Cluster, signal: AbortSignal): Promise<SnapshotClass[]> => {
  try {
    return await Array.fromAsync(list(cluster, 'VolumeSnapshotClass', SNAPSHOT_CLASS, { signal }));
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
    throw new PreloadError(
      'the cluster does not support volume snapshots (snapshot.storage.k8s.io/v1)',
      'install the CRDs and the controller of kubernetes-csi/external-snapshotter, and a CSI driver that supports snapshots',
    );
  }
};

/** Throws PreloadError if the class `name`, or without a name the driver's default one, cannot snapshot the source. */
export const checkSnapshotClass = (
  classes: readonly SnapshotClass[],
  name: string | undefined,
  { driver, user, flag, mismatch, alternative }: SnapshotSource,
): void => {
  const fitting = classes.filter((snapshotClass) => snapshotClass.driver === driver);
  const remedy = fitting[0]
    ? chooseOne(flag, fitting)
    : ['create a VolumeSnapshotClass for it', ...(alternative ? [alternative] : [])].join(', or ');
  if (!name) {
    if (fitting.some(isDefault(DEFAULT_SNAPSHOTS))) return;
    const which = fitting.length > 0 ? 'no default volume snapshot class' : 'no volume snapshot class';
    throw new PreloadError(`${which} for ${driver}, which ${user} uses`, remedy);
  }
  const named = classes.find(isNamed(name));
  if (!named) throw classMissing('volume snapshot class', name, classes, flag);
  if (named.driver !== driver) {
    throw new PreloadError(
      `volume snapshot class "${name}" is for driver ${named.driver}, but ${user} uses ${driver}`,
      mismatch ?? remedy,
    );
  }
};

export const DEFAULT_SNAPSHOTS = 'snapshot.storage.kubernetes.io/is-default-class';

export const isDefault = (annotation: string) => (object: AnyObject) =>
  object.metadata.annotations?.[annotation] === 'true';

export const isNamed = (name: string) => (object: AnyObject) => object.metadata.name === name;

/** Hint that lists what a flag can name. */
export const chooseOne = (flag: string, objects: readonly AnyObject[]): string =>
  objects.length > 0
    ? `choose one with ${flag}: ${objects.map(({ metadata }) => metadata.name).join(', ')}`
    : 'create one first';

export const classMissing = (what: string, name: string, there: readonly AnyObject[], flag: string): PreloadError =>
  new PreloadError(`${what} "${name}" not found`, chooseOne(flag, there));
