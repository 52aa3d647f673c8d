import * as v from 'valibot';
import { type KubernetesObject, ownerReference } from '../manifests/object.ts';
import { AnswerTooLarge, ApiError, PreloadError } from '../model/errors.ts';
import { FIELD_MANAGER, SNAPSHOT_GROUP } from '../model/names.ts';
import { LINE, matches, object, parse } from '../model/parse.ts';
import type { Cluster } from './connection.ts';
import { sendForJson } from './rest.ts';

/** API group with version and plural by kind; `global` kinds have no namespace. */
const KINDS = {
  CustomResourceDefinition: { api: '/apis/apiextensions.k8s.io/v1', plural: 'customresourcedefinitions', global: true },
  ConfigMap: { api: '/api/v1', plural: 'configmaps' },
  Event: { api: '/api/v1', plural: 'events' },
  Namespace: { api: '/api/v1', plural: 'namespaces', global: true },
  Node: { api: '/api/v1', plural: 'nodes', global: true },
  PersistentVolumeClaim: { api: '/api/v1', plural: 'persistentvolumeclaims' },
  PersistentVolume: { api: '/api/v1', plural: 'persistentvolumes', global: true },
  Pod: { api: '/api/v1', plural: 'pods' },
  CronJob: { api: '/apis/batch/v1', plural: 'cronjobs' },
  Job: { api: '/apis/batch/v1', plural: 'jobs' },
  DaemonSet: { api: '/apis/apps/v1', plural: 'daemonsets' },
  Deployment: { api: '/apis/apps/v1', plural: 'deployments' },
  ReplicaSet: { api: '/apis/apps/v1', plural: 'replicasets' },
  StatefulSet: { api: '/apis/apps/v1', plural: 'statefulsets' },
  PriorityClass: { api: '/apis/scheduling.k8s.io/v1', plural: 'priorityclasses', global: true },
  Secret: { api: '/api/v1', plural: 'secrets' },
  ServiceAccount: { api: '/api/v1', plural: 'serviceaccounts' },
  CSINode: { api: '/apis/storage.k8s.io/v1', plural: 'csinodes', global: true },
  StorageClass: { api: '/apis/storage.k8s.io/v1', plural: 'storageclasses', global: true },
  VolumeAttachment: { api: '/apis/storage.k8s.io/v1', plural: 'volumeattachments', global: true },
  VolumeSnapshot: { api: `/apis/${SNAPSHOT_GROUP}/v1`, plural: 'volumesnapshots' },
  VolumeSnapshotClass: { api: `/apis/${SNAPSHOT_GROUP}/v1`, plural: 'volumesnapshotclasses', global: true },
  VolumeSnapshotContent: { api: `/apis/${SNAPSHOT_GROUP}/v1`, plural: 'volumesnapshotcontents', global: true },
} as const;

export type Kind = keyof typeof KINDS;

export const pluralOf = (kind: Kind): string => KINDS[kind].plural;

export const pathOf = (kind: Kind, namespace?: string, name?: string): string => {
  const { api, plural, ...rest } = KINDS[kind];
  const inNamespace = namespace && !('global' in rest) ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${api}${inNamespace}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
};

const pathOfObject = ({ kind, metadata }: KubernetesObject): string =>
  pathOf(kind as Kind, metadata.namespace, metadata.name);

export interface RequestOptions {
  signal?: AbortSignal;
}

/** Makes the server delete `object` together with `owner`, and sets these labels. */
export const setOwner = async (
  cluster: Cluster,
  object: KubernetesObject,
  owner: KubernetesObject,
  { signal, labels }: { signal: AbortSignal; labels?: Record<string, string> },
): Promise<void> => {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace = '' } = metadata;
  await sendForJson(cluster, pathOfObject(object), {
    method: 'PATCH',
    body: {
      apiVersion,
      kind,
      metadata: { name, namespace, ...(labels && { labels }), ownerReferences: [ownerReference(owner)] },
    },
    contentType: 'application/apply-patch+yaml',
    query: { fieldManager: FIELD_MANAGER, force: 'true' },
    signal,
  });
};

/** Changes the fields in `changes`, as a merge patch; all others stay. */
export const patch = async (
  cluster: Cluster,
  kind: Kind,
  name: string,
  changes: object,
  options: RequestOptions & { namespace?: string; dryRun?: boolean } = {},
): Promise<void> => {
  const { namespace = cluster.namespace, dryRun, ...request } = options;
  const contentType = 'application/merge-patch+json';
  await sendForJson(cluster, pathOf(kind, namespace, name), {
    method: 'PATCH',
    body: changes,
    contentType,
    ...(dryRun && { query: { dryRun: 'All' } }),
    ...request,
  });
};

/** Returns what `schema` makes of the object, or undefined if it does not exist. Throws PreloadError if it is malformed. */
export const read = async <S extends v.GenericSchema>(
  cluster: Cluster,
  kind: Kind,
  schema: S,
  name: string,
  options: RequestOptions & { namespace?: string } = {},
): Promise<v.InferOutput<S> | undefined> => {
  const { namespace = cluster.namespace, ...request } = options;
  let answer: unknown;
  try {
    answer = await sendForJson(cluster, pathOf(kind, namespace, name), request);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  return parseAnswer(schema, answer, `${kind.toLowerCase()}/${name}`);
};

export const parseAnswer = <S extends v.GenericSchema>(schema: S, answer: unknown, name: string): v.InferOutput<S> => {
  try {
    return parse(schema, answer);
  } catch (error) {
    throw new PreloadError(`cannot use ${name} as the server has it: ${(error as Error).message}`);
  }
};

interface Query extends RequestOptions {
  labelSelector?: string | undefined;
  fieldSelector?: string;
}

interface ListOptions extends Query {
  /** all namespaces if undefined */
  namespace?: string;
  /** how many to request at once */
  page?: number;
}

/** Where the objects of a kind are, and how messages call them. */
interface Collection {
  path: string;
  plural: string;
  /** in lower case */
  kind: string;
  /** how many to request at once */
  page: number;
}

const PAGE = 250;
const MAX_ANSWER = 16 * 1024 ** 2; // bytes of a page; most are below 5 MiB
const SMALLER = 8;

const PAGE_OF_LIST = object({
  items: v.nullish(v.array(v.unknown()), []),
  metadata: object({ continue: v.exactOptional(v.string()) }),
});

/** As `listIn`, for a kind that this tool knows. */
export const list = <S extends v.GenericSchema>(
  cluster: Cluster,
  kind: Kind,
  schema: S,
  { namespace, page = PAGE, ...query }: ListOptions = {},
): AsyncGenerator<v.InferOutput<S>> => {
  const collection = { path: pathOf(kind, namespace), plural: pluralOf(kind), kind: kind.toLowerCase(), page };
  return listIn(cluster, collection, schema, query);
};

/**
 * Yields what `schema` makes of all objects of a kind, each once, requested in pages; in smaller ones if the objects are
 * huge. Skips malformed ones with a warning. If the server forgets the list before its last page, reads all at once, as
 * kubectl does.
 */
export const listIn = async function* <S extends v.GenericSchema>(
  cluster: Cluster,
  { path, plural, kind, page: limit }: Collection,
  schema: S,
  { signal, ...query }: Query = {},
): AsyncGenerator<v.InferOutput<S>> {
  const seen = new Set<string>();
  let size = limit;
  const request = (next?: string): Promise<unknown> => {
    const paged = { ...query, limit: String(size), continue: next };
    return sendForJson(cluster, path, { query: paged, maxBytes: MAX_ANSWER, ...(signal && { signal }) }).catch(
      (error) => {
        if (next && isGone(error)) return restart();
        if (!(error instanceof AnswerTooLarge) || size === 1) throw error;
        size = Math.ceil(size / SMALLER);
        return request(next);
      },
    );
  };
  const restart = (): Promise<unknown> => {
    cluster.warn(`the list of ${plural} expired while it was read; reading it again`);
    return sendForJson(cluster, path, { query, ...(signal && { signal }) });
  };
  let coming: Promise<unknown> | undefined = request();
  while (coming) {
    const page: v.InferOutput<typeof PAGE_OF_LIST> = parseAnswer(PAGE_OF_LIST, await coming, plural);
    const next = page.metadata.continue;
    coming = next ? request(next) : undefined; // while the caller works on this page
    coming?.catch(() => {}); // until its turn
    for (const item of page.items) {
      const name = nameOf(kind, item);
      if (name && seen.has(name)) continue;
      if (name) seen.add(name);
      const found = parsed(schema, item);
      if (found.object !== undefined) yield found.object;
      else cluster.warn(`ignoring ${name ?? `one of the ${plural}`}: ${found.problem}`);
    }
  }
};

const parsed = <S extends v.GenericSchema>(
  schema: S,
  item: unknown,
): { object?: v.InferOutput<S>; problem?: string } => {
  try {
    return { object: parse(schema, item) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
};

const NAMED = object({ metadata: object({ name: LINE, namespace: v.exactOptional(LINE) }) });

const nameOf = (kind: string, item: unknown): string | undefined => {
  if (!matches(NAMED, item)) return undefined;
  const { name, namespace } = item.metadata;
  return `${kind}/${name}${namespace ? ` in namespace ${namespace}` : ''}`;
};

interface RemoveOptions extends RequestOptions {
  /** the object is left if it has changed since */
  resourceVersion?: string | undefined;
  /** the server only checks the request */
  dryRun?: boolean;
}

/** Requests the deletion of exactly this object. Returns false if it is gone, has changed, or another one has its name. */
export const remove = async (
  cluster: Cluster,
  object: KubernetesObject,
  { resourceVersion, dryRun, ...request }: RemoveOptions = {},
): Promise<boolean> => {
  try {
    await sendForJson(cluster, pathOfObject(object), {
      method: 'DELETE',
      body: {
        ...{ propagationPolicy: 'Background', preconditions: { uid: object.metadata.uid, resourceVersion } },
        ...(dryRun && { dryRun: ['All'] }),
      },
      ...request,
    });
    return true;
  } catch (error) {
    if (!isNotFound(error) && !(error instanceof ApiError && error.reason === 'Conflict')) throw error;
    return false;
  }
};

/** Returns `answer`, or null if this user lacks the permission. */
export const nullIfForbidden = <T>(answer: Promise<T>): Promise<T | null> =>
  answer.catch((error: unknown) => {
    if (error instanceof ApiError && error.reason === 'Forbidden') return null;
    throw error;
  });

const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;

/** Whether the server has forgotten the state that a request refers to. */
export const isGone = (error: unknown): boolean => error instanceof ApiError && error.code === 410;
