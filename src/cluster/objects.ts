import type * as v from 'valibot';
import { type KubernetesObject, ownerReference } from '../manifests/object.ts';
import { ApiError, PreloadError } from '../model/errors.ts';
import { FIELD_MANAGER } from '../model/names.ts';
import { parse } from '../model/parse.ts';
import type { Cluster } from './connection.ts';
import { type Kind, pathOf } from './kinds.ts';
import { sendForJson } from './rest.ts';

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
