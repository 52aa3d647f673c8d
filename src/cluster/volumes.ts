import type { KubernetesObject } from '../manifests/object.ts';
import { ApiError } from '../model/errors.ts';
import { CLAIM, VOLUME } from '../model/storage-objects.ts';
import type { Cluster } from './connection.ts';
import { patch, read } from './objects.ts';
import { poll } from './wait.ts';
import { lastWarning } from './warnings.ts';

/**
 * Makes the storage delete the volume of a bound claim together with the claim, also if its class retains volumes. Returns
 * the name of the volume; undefined if this user may not read it. Warns if this user may not change it.
 */
export const deleteWithClaim = async (
  cluster: Cluster,
  claim: KubernetesObject,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const { name: claimName, namespace = '' } = claim.metadata;
  const bound = await read(cluster, 'PersistentVolumeClaim', CLAIM, claimName, { namespace, signal });
  const name = bound?.spec.volumeName;
  const volume =
    name && (await read(cluster, 'PersistentVolume', VOLUME, name, { signal }).catch(ifForbidden(cluster, unchecked)));
  if (!name || !volume) return undefined;
  if (volume.spec.persistentVolumeReclaimPolicy !== 'Retain') return name;
  const spec = { persistentVolumeReclaimPolicy: 'Delete' };
  const retained = ({ message }: ApiError) =>
    `its storage class retains persistentvolume/${name}, and this user may not change that (${message}); when it is no longer needed, delete it and its disk: kubectl delete pv ${name}`;
  const change = patch(cluster, 'PersistentVolume', name, { spec }, { signal }).then(() => name);
  return change.catch(ifForbidden(cluster, retained));
};

const unchecked = ({ message }: ApiError): string => `not checking that the disk is deleted: ${message}`;

/** Handles a failed request: one that this user may not make is a warning. */
const ifForbidden =
  (cluster: Cluster, describe: (error: ApiError) => string) =>
  (error: unknown): undefined => {
    if (!(error instanceof ApiError && error.reason === 'Forbidden')) throw error;
    cluster.warn(describe(error));
  };

/** Milliseconds that the storage gets. */
export const REMOVAL_TIMEOUT = 60_000;

/** Waits until the volume is gone, after its claim was removed, or `signal` is aborted. Warns if that takes long. */
export const volumeGone = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<boolean> => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(REMOVAL_TIMEOUT)]);
  const isGone = async () =>
    (await read(cluster, 'PersistentVolume', VOLUME, name, { signal: limit })) ? undefined : true;
  return poll(limit, isGone).catch(async () => {
    if (signal.aborted) return false; // the result is still to be printed
    const warning = await lastWarning(cluster, eventsOf(name), signal).catch(() => undefined);
    cluster.warn(
      `persistentvolume/${name} is still there: ${warning?.message ?? 'its storage may need it as long as the snapshot exists'}; see: kubectl describe pv ${name}`,
    );
    return false;
  });
};

/** As events refer to a volume: those about objects without a namespace are in this one. */
const eventsOf = (name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name, namespace: 'default' },
});
