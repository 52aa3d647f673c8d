/** A claim, bound to `volume` if specified. */
export const claim = (name: string, volumeName?: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: {
    ...{ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    ...(volumeName && { volumeName }),
  },
});
/** A volume backed by `source`. */
export const volume = (name: string, source: object) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, ...source },
});
export const csi = (driver: string) => ({ csi: { driver, volumeHandle: 'vol-1' } });
