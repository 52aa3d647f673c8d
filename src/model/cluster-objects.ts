import * as v from 'valibot';
import { list as boundedList, FLAG, LINE, OBJECT, object, TEXT } from './parse.ts';
import { POD_STATE } from './pod-state.ts';

// What the API server has, with the fields that this tool reads. All others are dropped, so a newer server changes nothing.

/** A list, which the API server leaves out or sends as null if it is empty. */
export const listOf = <S extends v.GenericSchema>(item: S) => v.nullish(v.array(item, 'must be an array'), []);

/** Such as labels. */
export const TEXTS = v.record(v.string('must be text'), v.string('must be text'));

export const METADATA = object({
  name: LINE,
  namespace: v.exactOptional(LINE),
  uid: v.exactOptional(LINE),
  resourceVersion: v.exactOptional(LINE),
  labels: v.exactOptional(TEXTS),
  annotations: v.exactOptional(TEXTS),
  creationTimestamp: v.exactOptional(LINE),
  deletionTimestamp: v.exactOptional(LINE),
  finalizers: listOf(LINE),
  ownerReferences: listOf(object({ uid: LINE })),
});

/** Any object. */
export const ANY = object({ metadata: METADATA });

export type AnyObject = v.InferOutput<typeof ANY>;

/** An object to print, with all its fields but those that kubectl does not print either. */
export const PRINTED = v.pipe(
  v.looseObject({ apiVersion: LINE, kind: LINE, metadata: v.looseObject({ name: LINE }) }),
  v.transform(({ metadata: { managedFields, ...metadata }, ...rest }) => ({ ...rest, metadata })),
);

export type PrintedObject = v.InferOutput<typeof PRINTED>;

export const NODE = object({
  metadata: object({ name: LINE, labels: v.nullish(TEXTS, {}), annotations: v.nullish(TEXTS, {}) }),
  spec: v.nullish(
    object({
      unschedulable: v.exactOptional(FLAG),
      taints: listOf(object({ key: LINE, value: v.optional(LINE, ''), effect: LINE })),
    }),
    {},
  ),
  status: object({
    nodeInfo: object({
      operatingSystem: LINE,
      architecture: LINE,
      containerRuntimeVersion: v.optional(LINE, ''),
      osImage: v.optional(LINE, ''),
      kubeletVersion: v.optional(LINE, ''),
    }),
    allocatable: v.nullish(TEXTS, {}),
    conditions: listOf(object({ type: LINE, status: LINE })),
    images: listOf(object({ names: listOf(v.string()), sizeBytes: v.exactOptional(v.number(), 0) })),
  }),
});

export type Node = v.InferOutput<typeof NODE>;

export type Taint = NonNullable<Node['spec']>['taints'][number];

/** A node, without what it reports about its images. */
export const NODE_PLACE = object({
  metadata: object({ name: LINE, labels: v.exactOptional(TEXTS, {}) }),
  status: object({ nodeInfo: object({ operatingSystem: LINE, architecture: LINE }) }),
});

const CONTAINERS = listOf(object({ image: v.exactOptional(v.string()), imagePullPolicy: v.exactOptional(LINE) }));

/** What tells on which nodes a pod can run. */
export const PLACEMENT = object({
  os: v.exactOptional(object({ name: LINE })),
  nodeSelector: v.nullish(TEXTS, {}),
});

export type Placement = v.InferOutput<typeof PLACEMENT>;

export const POD_SPEC = object({
  ...PLACEMENT.entries,
  initContainers: CONTAINERS,
  containers: CONTAINERS,
  ephemeralContainers: CONTAINERS,
  volumes: listOf(object({ image: v.exactOptional(object({ reference: v.exactOptional(v.string()) })) })),
  imagePullSecrets: listOf(object({ name: v.exactOptional(LINE) })),
  serviceAccountName: v.exactOptional(LINE),
});

export type PodSpec = v.InferOutput<typeof POD_SPEC>;

const TEMPLATE = v.exactOptional(object({ spec: POD_SPEC }));

/** A pod, or what makes pods. */
export const WORKLOAD = object({
  metadata: object({
    name: LINE,
    namespace: LINE,
    ownerReferences: listOf(object({ controller: v.exactOptional(FLAG) })),
  }),
  spec: object({
    ...POD_SPEC.entries,
    template: TEMPLATE,
    jobTemplate: v.exactOptional(object({ spec: object({ template: TEMPLATE }) })),
  }),
});

export type Workload = v.InferOutput<typeof WORKLOAD>;

const NAMED_CONTAINERS = listOf(object({ name: LINE, image: v.exactOptional(v.string()) }));
const CONTAINER_STATES = listOf(object({ name: LINE, imageID: v.exactOptional(v.string(), '') }));

/** A pod, with the images that it runs. */
export const RUNNING_POD = object({
  metadata: object({ ...WORKLOAD.entries.metadata.entries, labels: v.exactOptional(TEXTS, {}) }),
  spec: object({
    ...PLACEMENT.entries,
    nodeName: v.exactOptional(LINE),
    initContainers: NAMED_CONTAINERS,
    containers: NAMED_CONTAINERS,
    ephemeralContainers: NAMED_CONTAINERS,
    volumes: POD_SPEC.entries.volumes,
  }),
  status: v.nullish(
    object({
      phase: v.exactOptional(LINE),
      initContainerStatuses: CONTAINER_STATES,
      containerStatuses: CONTAINER_STATES,
      ephemeralContainerStatuses: CONTAINER_STATES,
    }),
  ),
});

export type RunningPod = v.InferOutput<typeof RUNNING_POD>;

/** An object of a custom kind, which may be outside of all namespaces. The rest of it is unchecked. */
export const CUSTOM_OBJECT = v.looseObject({
  metadata: object({
    name: LINE,
    namespace: v.optional(LINE, ''),
    ownerReferences: listOf(object({ controller: v.exactOptional(FLAG), kind: LINE })),
  }),
});

const MAX_VERSIONS = 100;

/** Part of a path of the API. */
const API_NAME = v.pipe(LINE, v.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a name in lower case'));

export const CUSTOM_KIND = object({
  metadata: object({ name: LINE }),
  spec: object({
    group: API_NAME,
    names: object({ plural: API_NAME, kind: LINE }),
    versions: boundedList(
      object({
        name: API_NAME,
        served: FLAG,
        storage: FLAG,
        schema: v.nullish(object({ openAPIV3Schema: v.nullish(OBJECT) })),
      }),
      MAX_VERSIONS,
    ),
  }),
});

export type CustomKind = v.InferOutput<typeof CUSTOM_KIND>;

/** The pod of a loader or verifier. */
export const LOADER_POD = object({ metadata: METADATA, ...POD_STATE.entries });

/** A pod, with the claims that it uses. */
export const VOLUME_USER = object({
  metadata: METADATA,
  spec: object({
    nodeName: v.exactOptional(LINE),
    volumes: listOf(object({ persistentVolumeClaim: v.exactOptional(object({ claimName: LINE })) })),
  }),
});

export const SERVICE_ACCOUNT = object({ imagePullSecrets: listOf(object({ name: v.exactOptional(LINE) })) });

export const SECRET = object({ data: v.exactOptional(TEXTS) });

export const CONFIG_MAP = object({ metadata: METADATA, binaryData: v.exactOptional(TEXTS) });

export type ConfigMap = v.InferOutput<typeof CONFIG_MAP>;

export const EVENT = object({
  reason: v.nullish(TEXT, ''),
  message: v.nullish(TEXT, ''),
  lastTimestamp: v.nullish(LINE),
  eventTime: v.nullish(LINE),
});

export type Event = v.InferOutput<typeof EVENT>;

/** A pod with the names of its containers' pull policies, as the server would store it. */
export const ADMITTED_POD = object({ spec: object({ containers: CONTAINERS }) });
