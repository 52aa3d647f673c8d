import * as v from 'valibot';
import { listOf, METADATA, TEXTS } from './cluster-objects.ts';
import { LINE, object, TEXT } from './parse.ts';
import { SNAPSHOT_STATUS } from './pod-state.ts';

// What the API server has about volumes and their snapshots, as in cluster-objects.ts.

export const STORAGE_CLASS = object({
  metadata: METADATA,
  provisioner: LINE,
  parameters: v.nullish(TEXTS, {}),
  reclaimPolicy: v.exactOptional(LINE),
  volumeBindingMode: v.exactOptional(LINE),
});

export type StorageClass = v.InferOutput<typeof STORAGE_CLASS>;

export const CLAIM = object({
  metadata: METADATA,
  spec: object({
    volumeName: v.exactOptional(LINE),
    resources: v.exactOptional(object({ requests: v.exactOptional(TEXTS) })),
  }),
  status: v.exactOptional(object({ phase: v.exactOptional(LINE) })),
});

export const VOLUME = object({
  spec: object({
    csi: v.exactOptional(object({ driver: LINE })),
    persistentVolumeReclaimPolicy: v.exactOptional(LINE),
  }),
});

export type Volume = v.InferOutput<typeof VOLUME>;

/** The CSI drivers of a node. */
export const CSI_NODE = object({
  metadata: object({ name: LINE }),
  spec: object({ drivers: listOf(object({ name: LINE })) }),
});

export type CsiNode = v.InferOutput<typeof CSI_NODE>;

export const ATTACHMENT = object({
  spec: object({ source: object({ persistentVolumeName: v.exactOptional(LINE) }) }),
});

export const SNAPSHOT_CLASS = object({
  metadata: METADATA,
  driver: LINE,
  deletionPolicy: v.exactOptional(LINE),
  parameters: v.nullish(TEXTS, {}),
});

export type SnapshotClass = v.InferOutput<typeof SNAPSHOT_CLASS>;

export const VOLUME_SNAPSHOT = object({ metadata: METADATA, status: v.exactOptional(SNAPSHOT_STATUS) });

export type VolumeSnapshot = v.InferOutput<typeof VOLUME_SNAPSHOT>;

export const SNAPSHOT_CONTENT = object({
  metadata: object({ name: LINE }),
  spec: object({
    driver: LINE,
    deletionPolicy: LINE,
    volumeSnapshotRef: v.exactOptional(
      object({ name: v.exactOptional(LINE), namespace: v.exactOptional(LINE), uid: v.exactOptional(LINE) }),
    ),
  }),
  status: v.exactOptional(
    object({
      snapshotHandle: v.exactOptional(LINE),
      error: v.nullish(object({ message: v.nullish(TEXT) })),
    }),
  ),
});

export type SnapshotContent = v.InferOutput<typeof SNAPSHOT_CONTENT>;
