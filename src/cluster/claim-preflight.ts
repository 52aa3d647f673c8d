import { PreloadError } from '../model/errors.ts';
import type { Cluster } from './connection.ts';
import { read, whereAllowed } from './objects.ts';
import { checkSnapshotClass, listSnapshotClasses } from './snapshot-classes.ts';

interface Claim {
  spec: { volumeName?: string };
  status?: { phase?: string };
}

interface Volume {
  spec: { csi?: { driver: string } };
}

/**
 * Throws where the claim `name` cannot be snapshotted, before anything is made. What this user may not read is left to the
 * snapshot controller: a pod often has just the permission to make snapshots.
 */
export const checkClaim = async (
  cluster: Cluster,
  name: string,
  snapshotClass: string | undefined,
  signal: AbortSignal,
): Promise<void> => {
  const classes = await whereAllowed(listSnapshotClasses(cluster, signal));
  const volume = await whereAllowed(volumeOf(cluster, name, signal));
  if (!volume) return;
  const { csi } = volume.spec;
  if (!csi) {
    throw new PreloadError(
      `the volume of claim "${name}" is of no CSI driver, and so cannot be snapshotted`,
      'fill a claim whose storage class has a CSI driver with snapshots',
    );
  }
  if (!classes) return;
  checkSnapshotClass(classes, snapshotClass, { driver: csi.driver, of: `claim "${name}"`, flag: '--class' });
};

const volumeOf = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<Volume | undefined> => {
  const { namespace } = cluster;
  const claim = await read<Claim>(cluster, 'PersistentVolumeClaim', name, { signal });
  if (!claim) {
    throw new PreloadError(
      `persistent volume claim "${name}" not found in namespace "${namespace}"`,
      `choose with --pvc and -n; see: kubectl get pvc -n ${namespace}`,
    );
  }
  const { phase = 'Pending' } = claim.status ?? {};
  if (phase !== 'Bound' || !claim.spec.volumeName) {
    throw new PreloadError(
      `persistent volume claim "${name}" is not bound but ${phase}`,
      `fill it first, by export in a pod that mounts it; see: kubectl describe pvc ${name} -n ${namespace}`,
    );
  }
  return read<Volume>(cluster, 'PersistentVolume', claim.spec.volumeName, { signal });
};
