import type { KubernetesObject } from '../manifests/object.ts';
import { ApiError, PreloadError } from '../model/errors.ts';
import type { Cluster } from './connection.ts';
import { list } from './objects.ts';

export interface SnapshotClass extends KubernetesObject {
  driver: string;
}

/** What is to be snapshotted, in the words of the command that wants it. */
export interface SnapshotSource {
  driver: string;
  /** what brings the driver: `storage class "fast"` */
  of: string;
  /** by which the user names a snapshot class */
  flag: string;
  /** remedy where the class named is for another driver; where there is a fitting one it can be named, by default */
  mismatch?: string;
  /** what else helps where no class is for the driver: `name another storage class` */
  otherwise?: string;
}

export const listSnapshotClasses = async (cluster: Cluster, signal: AbortSignal): Promise<SnapshotClass[]> => {
  try {
    return await Array.fromAsync(list<SnapshotClass>(cluster, 'VolumeSnapshotClass', { signal }));
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
    throw new PreloadError(
      'the cluster has no volume snapshots (snapshot.storage.k8s.io/v1)',
      'install the CRDs and the controller of kubernetes-csi/external-snapshotter, and a CSI driver with snapshots',
    );
  }
};

/** Throws where neither the class called `name`, nor without a name the driver's default one, can snapshot `source`. */
export const checkSnapshotClass = (
  classes: readonly SnapshotClass[],
  name: string | undefined,
  { driver, of, flag, mismatch, otherwise }: SnapshotSource,
): void => {
  const fitting = classes.filter((snapshotClass) => snapshotClass.driver === driver);
  const remedy = fitting[0]
    ? `name one with ${flag}: ${listNames(fitting)}`
    : ['install a VolumeSnapshotClass for it', ...(otherwise ? [otherwise] : [])].join(', or ');
  if (!name) {
    if (fitting.some(isDefault('snapshot.storage.kubernetes.io/is-default-class'))) return;
    throw new PreloadError(`no default volume snapshot class for ${driver}, which ${of} uses`, remedy);
  }
  const named = classes.find(({ metadata }) => metadata.name === name);
  if (!named) throw classMissing('volume snapshot class', name, classes, flag);
  if (named.driver !== driver) {
    throw new PreloadError(
      `volume snapshot class "${name}" is for ${named.driver}, ${of} for ${driver}`,
      mismatch ?? remedy,
    );
  }
};

export const isDefault = (annotation: string) => (object: KubernetesObject) =>
  object.metadata.annotations?.[annotation] === 'true';

export const listNames = (objects: readonly KubernetesObject[]): string =>
  objects.map(({ metadata }) => metadata.name).join(', ') || 'there is none';

export const classMissing = (
  what: string,
  name: string,
  there: readonly KubernetesObject[],
  flag: string,
): PreloadError => new PreloadError(`${what} "${name}" not found`, `choose with ${flag} among: ${listNames(there)}`);
