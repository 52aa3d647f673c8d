import type { KubernetesObject } from '../manifests/object.ts';
import { ApiError, PreloadError } from '../model/errors.ts';
import type { Cluster } from './connection.ts';
import { alreadyThere } from './made-objects.ts';
import { create, list, read } from './objects.ts';

interface StorageClass extends KubernetesObject {
  provisioner: string;
}

interface SnapshotClass extends KubernetesObject {
  driver: string;
}

export interface ClassNames {
  storageClass?: string | undefined;
  snapshotClass?: string | undefined;
}

/** Throws where the cluster cannot store the capture, before anything is made. */
export const checkStorage = async (cluster: Cluster, names: ClassNames, signal: AbortSignal): Promise<void> => {
  const snapshotClasses = await snapshotClassesOf(cluster, signal);
  const storage = await storageClassOf(cluster, names.storageClass, signal);
  if (names.snapshotClass) {
    const named = snapshotClasses.find(({ metadata }) => metadata.name === names.snapshotClass);
    if (!named) throw missing('volume snapshot class', names.snapshotClass, snapshotClasses, '--snapshot-class');
    if (named.driver !== storage.provisioner) {
      throw new PreloadError(
        `volume snapshot class "${named.metadata.name}" is for ${named.driver}, storage class "${storage.metadata.name}" for ${storage.provisioner}`,
        'name two that belong together with --storage-class and --snapshot-class',
      );
    }
    return;
  }
  const fitting = snapshotClasses.filter(({ driver }) => driver === storage.provisioner);
  if (!fitting.some(isDefault('snapshot.storage.kubernetes.io/is-default-class'))) {
    throw new PreloadError(
      `no default volume snapshot class for ${storage.provisioner}, which storage class "${storage.metadata.name}" uses`,
      fitting[0]
        ? `name one with --snapshot-class: ${listNames(fitting)}`
        : 'install a VolumeSnapshotClass for it, or name another storage class with --storage-class',
    );
  }
};

const snapshotClassesOf = async (cluster: Cluster, signal: AbortSignal): Promise<SnapshotClass[]> => {
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

const storageClassOf = async (
  cluster: Cluster,
  name: string | undefined,
  signal: AbortSignal,
): Promise<StorageClass> => {
  const classes = await Array.fromAsync(list<StorageClass>(cluster, 'StorageClass', { signal }));
  if (name) {
    const named = classes.find(({ metadata }) => metadata.name === name);
    if (!named) throw missing('storage class', name, classes, '--storage-class');
    return named;
  }
  const chosen = classes.find(isDefault(DEFAULT_STORAGE));
  if (!chosen) {
    throw new PreloadError(
      'the cluster has no default storage class',
      `name one with --storage-class: ${listNames(classes)}`,
    );
  }
  return chosen;
};

/** A storage class of `driver`: the one named, else the default one, else the first. */
export const storageClassFor = async (
  cluster: Cluster,
  driver: string,
  name: string | undefined,
  signal: AbortSignal,
): Promise<string> => {
  const classes = await Array.fromAsync(list<StorageClass>(cluster, 'StorageClass', { signal }));
  const fitting = classes.filter(({ provisioner }) => provisioner === driver);
  const chosen = name
    ? fitting.find(({ metadata }) => metadata.name === name)
    : (fitting.find(isDefault(DEFAULT_STORAGE)) ?? fitting[0]);
  if (chosen) return chosen.metadata.name;
  throw new PreloadError(
    `${name ? `storage class "${name}" is not` : 'no storage class is'} of ${driver}, which has the snapshot`,
    `choose with --storage-class among: ${listNames(fitting)}`,
  );
};

const DEFAULT_STORAGE = 'storageclass.kubernetes.io/is-default-class';

const isDefault = (annotation: string) => (object: KubernetesObject) =>
  object.metadata.annotations?.[annotation] === 'true';

const listNames = (objects: readonly KubernetesObject[]): string =>
  objects.map(({ metadata }) => metadata.name).join(', ') || 'there is none';

const missing = (what: string, name: string, there: readonly KubernetesObject[], flag: string): PreloadError =>
  new PreloadError(`${what} "${name}" not found`, `choose with ${flag} among: ${listNames(there)}`);

/** Throws where the loader would be refused: no privileged pods, no quota, no permission. Nothing is made. */
export const checkLoaderAllowed = async (
  cluster: Cluster,
  pod: KubernetesObject,
  signal: AbortSignal,
): Promise<void> => {
  const namespace = pod.metadata.namespace ?? '';
  if (!(await read(cluster, 'Namespace', namespace, { signal }).catch(() => true))) {
    throw new PreloadError(`namespace "${namespace}" not found`, 'choose an existing one with -n');
  }
  try {
    await create(cluster, pod, { dryRun: true, signal });
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'AlreadyExists') throw alreadyThere(pod);
    const level = /violates PodSecurity "(\w+):/.exec((error as Error).message)?.[1];
    if (!level) throw error;
    throw new PreloadError(
      `namespace "${namespace}" does not allow privileged pods (PodSecurity: ${level})`,
      `choose another namespace with -n, or: kubectl label ns ${namespace} pod-security.kubernetes.io/enforce=privileged`,
      error,
    );
  }
};
