import * as v from 'valibot';
import { SKIPPED_IMAGE } from './contents.ts';
import { MAX_IMAGES } from './image.ts';
import { FLAG, LINE, list, object, SIZE } from './parse.ts';

const MAX_ITEMS = 100; // of a flag that can be repeated

/** A toleration in the form of the API. */
const TOLERATION = object({
  key: v.exactOptional(LINE),
  operator: v.picklist(['Exists', 'Equal']),
  value: v.exactOptional(LINE),
  effect: v.exactOptional(LINE),
});

export type Toleration = v.InferOutput<typeof TOLERATION>;

/** Quantities by resource: `{ cpu: '100m', memory: '256Mi' }`. */
const RESOURCES = v.record(LINE, LINE);

export type Resources = v.InferOutput<typeof RESOURCES>;

/** What the user decides about the pod of a loader or verifier. */
const POD_SETTINGS = object({
  /** needs Node.js 22 or newer and GNU tar */
  image: LINE,
  /** names of Secrets in its namespace */
  imagePullSecrets: list(LINE, MAX_ITEMS),
  tolerations: list(TOLERATION, MAX_ITEMS),
  priorityClass: v.exactOptional(LINE),
  requests: RESOURCES,
  limits: RESOURCES,
});

export type PodSettings = v.InferOutput<typeof POD_SETTINGS>;

/** Settings for the objects of one preload. */
const PRELOAD_SETTINGS = object({
  name: LINE,
  namespace: LINE,
  /** version of this tool, for the labels */
  version: LINE,
  /** Kubernetes quantity */
  size: LINE,
  storageClass: v.exactOptional(LINE),
  snapshotClass: v.exactOptional(LINE),
  /** of the snapshot, besides those that this tool gives it */
  labels: v.exactOptional(v.record(LINE, LINE)),
  annotations: v.exactOptional(v.record(LINE, v.string())),
  pod: POD_SETTINGS,
  /** `linux/amd64` */
  platform: LINE,
  /** node on which the loader must run */
  node: v.exactOptional(LINE),
  /** node on which the loader should run */
  preferredNode: v.exactOptional(LINE),
  /** name of an older snapshot to start from */
  base: v.exactOptional(LINE),
  /** names of the Secrets with pull secrets that the loader mounts */
  pullSecrets: list(LINE, MAX_IMAGES),
  /** seconds until the loader is stopped, even if this process is gone */
  deadline: SIZE,
});

export type PreloadSettings = v.InferOutput<typeof PRELOAD_SETTINGS>;

/** What a run leaves in the cluster, so that another one can continue it. */
export const SAVED_RUN = object({
  settings: PRELOAD_SETTINGS,
  /** the older snapshot has these bytes: the volume's least size, and what it holds */
  base: object({ size: SIZE, used: SIZE }),
  /** how the size of the volume is decided: by a plan, as the smallest that certainly is enough, or by the user */
  volume: v.picklist(['planned', 'smallest', 'chosen']),
  /** where the logins for the loader come from: `namespace/name` */
  logins: list(LINE, MAX_IMAGES),
  /** images in use that were left out because their names are not valid */
  skipped: list(SKIPPED_IMAGE, MAX_IMAGES),
  /** prefixes of names that are left out on purpose */
  exclude: v.optional(list(LINE, MAX_IMAGES), []),
  keep: FLAG,
  /** the storage keeps the snapshot even if its VolumeSnapshot is deleted */
  retain: v.exactOptional(FLAG),
  /** how many preloads with this prefix stay */
  keepLast: v.exactOptional(object({ prefix: LINE, count: SIZE })),
});

export type SavedRun = v.InferOutput<typeof SAVED_RUN>;
