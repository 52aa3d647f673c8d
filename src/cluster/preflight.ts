import type { KubernetesObject } from '../manifests/object.ts';
import { ANY } from '../model/cluster-objects.ts';
import { ApiError, PreloadError } from '../model/errors.ts';
import { CLAIM, STORAGE_CLASS, type StorageClass, VOLUME, type Volume } from '../model/storage-objects.ts';
import type { Cluster } from './connection.ts';
import { create } from './creation.ts';
import { list } from './lists.ts';
import { alreadyThere } from './made-objects.ts';
import { nullIfForbidden, read } from './objects.ts';
import { afterRemoval } from './removal.ts';
import {
  checkSnapshotClass,
  chooseOne,
  classMissing,
  isDefault,
  isNamed,
  listSnapshotClasses,
} from './snapshot-classes.ts';

interface ClassNames {
  storageClass?: string | undefined;
  snapshotClass?: string | undefined;
}

/** Throws PreloadError if the cluster cannot store the capture. Creates nothing. */
export const checkStorage = async (cluster: Cluster, names: ClassNames, signal: AbortSignal): Promise<void> => {
  const snapshotClasses = await listSnapshotClasses(cluster, signal);
  const { metadata, provisioner } = await storageClassOf(cluster, names.storageClass, signal);
  checkSnapshotClass(snapshotClasses, names.snapshotClass, {
    driver: provisioner,
    user: `storage class "${metadata.name}"`,
    flag: '--snapshot-class',
    mismatch: 'choose two classes of the same driver with --storage-class and --snapshot-class',
    alternative: 'use another --storage-class',
  });
};

/** Returns the class `name`, or the default one. Throws PreloadError if the cluster does not have it. */
export const storageClassOf = async (
  cluster: Cluster,
  name: string | undefined,
  signal: AbortSignal,
): Promise<StorageClass> => {
  const classes = await Array.fromAsync(list(cluster, 'StorageClass', STORAGE_CLASS, { signal }));
  const chosen = classes.find(name ? isNamed(name) : isDefault(DEFAULT_STORAGE));
  if (!chosen && name) throw classMissing('storage class', name, classes, '--storage-class');
  if (!chosen) {
    throw new PreloadError('the cluster has no default storage class', chooseOne('--storage-class', classes));
  }
  return chosen;
};

/** Returns a storage class of `driver`, or of any driver if it is unknown: `name`, else the default, else the first. */
export const storageClassFor = async (
  cluster: Cluster,
  driver: string | undefined,
  name: string | undefined,
  signal: AbortSignal,
): Promise<string> => {
  const classes = await Array.fromAsync(list(cluster, 'StorageClass', STORAGE_CLASS, { signal }));
  const fitting = classes.filter(({ provisioner }) => !driver || provisioner === driver);
  const chosen = name ? fitting.find(isNamed(name)) : (fitting.find(isDefault(DEFAULT_STORAGE)) ?? fitting[0]);
  if (chosen) return chosen.metadata.name;
  if (name && !classes.some(isNamed(name))) throw classMissing('storage class', name, fitting, '--storage-class');
  const unfit = name ? `storage class "${name}" does not use` : 'no storage class uses';
  throw new PreloadError(
    driver ? `${unfit} driver ${driver}, which made the snapshot` : 'the cluster has no storage class',
    chooseOne('--storage-class', fitting),
  );
};

export const DEFAULT_STORAGE = 'storageclass.kubernetes.io/is-default-class';

/**
 * Throws if the cluster would reject one of the objects of a run: no privileged pods, no quota or no permission. Creates
 * nothing. If there is a pod, it must come first: the others may belong to it.
 */
export const checkAllowed = async (
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  signal: AbortSignal,
): Promise<void> => {
  const { namespace } = cluster;
  if (!(await read(cluster, 'Namespace', ANY, namespace, { signal }).catch(() => true))) {
    throw new PreloadError(`namespace "${namespace}" not found`, 'choose an existing one with -n');
  }
  for (const object of objects) {
    const attempt = () => create(cluster, object, { dryRun: true, signal });
    await afterRemoval(cluster, object, signal, attempt).catch((error: Error) => {
      throw refusalOf(object, error);
    });
  }
};

// what a quota or a LimitRange says about a pod
const RESOURCES =
  /must specify |usage per (Container|Pod) |limit to request ratio |less than or equal to \S+ limit |requested: \S*(cpu|memory)=/;
const SET_RESOURCES =
  'set them with --requests and --limits, such as --limits cpu=1,memory=1Gi, or choose another namespace with -n';

const refusalOf = (object: KubernetesObject, error: Error): Error => {
  const { namespace = '' } = object.metadata;
  if (error instanceof ApiError && error.reason === 'AlreadyExists') return alreadyThere(object);
  if (object.kind === 'Pod' && RESOURCES.test(error.message))
    return new PreloadError(error.message, SET_RESOURCES, error);
  const level = /violates PodSecurity "(\w+):/.exec(error.message)?.[1];
  if (!level) return error;
  return new PreloadError(
    `namespace "${namespace}" does not allow privileged pods (PodSecurity: ${level})`,
    `choose another namespace with -n, or run: kubectl label ns ${namespace} pod-security.kubernetes.io/enforce=privileged`,
    error,
  );
};

/** Throws PreloadError if one of these Secrets does not exist. What this user may not read is left to the kubelet. */
export const checkPullSecrets = async (
  cluster: Cluster,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> => {
  const { namespace } = cluster;
  for (const name of names) {
    if ((await nullIfForbidden(read(cluster, 'Secret', ANY, name, { signal }))) !== undefined) continue;
    throw new PreloadError(
      `secret "${name}" not found in namespace "${namespace}"`,
      `check --image-pull-secret; see: kubectl get secrets -n ${namespace}`,
    );
  }
};

/**
 * Throws PreloadError if the claim `name` cannot be snapshotted. Creates nothing. If this user may not read
 * something, leaves that check to the snapshot controller: a pod often may only create snapshots.
 */
export const checkClaim = async (
  cluster: Cluster,
  name: string,
  snapshotClass: string | undefined,
  signal: AbortSignal,
): Promise<void> => {
  const classes = await nullIfForbidden(listSnapshotClasses(cluster, signal));
  const volume = await nullIfForbidden(volumeOf(cluster, name, signal));
  if (!volume) return;
  const { csi } = volume.spec;
  if (!csi) {
    throw new PreloadError(
      `claim "${name}" is not backed by a CSI driver, so it cannot be snapshotted`,
      'use a claim whose CSI driver supports snapshots',
    );
  }
  if (!classes) return;
  checkSnapshotClass(classes, snapshotClass, { driver: csi.driver, user: `claim "${name}"`, flag: '--class' });
};

const volumeOf = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<Volume | undefined> => {
  const { namespace } = cluster;
  const claim = await read(cluster, 'PersistentVolumeClaim', CLAIM, name, { signal });
  if (!claim) {
    throw new PreloadError(
      `persistent volume claim "${name}" not found in namespace "${namespace}"`,
      `check --pvc and -n; see: kubectl get pvc -n ${namespace}`,
    );
  }
  const { phase = 'Pending' } = claim.status ?? {};
  if (phase !== 'Bound' || !claim.spec.volumeName) {
    throw new PreloadError(
      `persistent volume claim "${name}" is not bound (${phase})`,
      `first run export in a pod that mounts it; see: kubectl describe pvc ${name} -n ${namespace}`,
    );
  }
  return read(cluster, 'PersistentVolume', VOLUME, claim.spec.volumeName, { signal });
};
