import { type KubernetesObject, objectName } from '../manifests/object.ts';
import { ANY, type AnyObject, PRINTED, type PrintedObject } from '../model/cluster-objects.ts';
import { ApiError } from '../model/errors.ts';
import { DEADLINE_ANNOTATION, FIELD_MANAGER, RUN_ANNOTATION } from '../model/names.ts';
import type { Cluster } from './connection.ts';
import { type Kind, pathOf } from './kinds.ts';
import { nullIfForbidden, parseAnswer, type RequestOptions, read } from './objects.ts';
import { sendForJson } from './rest.ts';
import { isPassing, persist } from './weather.ts';

/**
 * Creates an object. Throws ApiError AlreadyExists if there is another one with its name. A dry run checks everything but
 * stores nothing. `signal` ends the waits between tries, but no request: what has been sent may have been done.
 */
export const create = async (
  cluster: Cluster,
  object: KubernetesObject,
  { signal, dryRun = false }: RequestOptions & { dryRun?: boolean } = {},
): Promise<KubernetesObject> => {
  const body = withRun(object, cluster);
  const path = pathOf(object.kind as Kind, object.metadata.namespace);
  const request = { method: 'POST', body, query: { fieldManager: FIELD_MANAGER } } as const;
  if (dryRun) {
    await tryCreate(cluster, object, signal && { signal });
    return body;
  }
  let isUncertain = false;
  return persist(cluster, signal, async () => {
    try {
      return known(body, parseAnswer(ANY, await sendForJson(cluster, path, request), objectName(object)));
    } catch (error) {
      isUncertain ||= isPassing(error);
      const isThere = error instanceof ApiError && error.reason === 'AlreadyExists';
      const own = (isUncertain || isThere) && (await findOwn(cluster, body, signal && { signal }));
      if (own) return own;
      throw error;
    }
  });
};

/** Returns what the server would make of an object, without storing it. */
export const tryCreate = async (
  cluster: Cluster,
  object: KubernetesObject,
  options: RequestOptions = {},
): Promise<PrintedObject> => {
  const answer = await sendForJson(cluster, pathOf(object.kind as Kind, object.metadata.namespace), {
    method: 'POST',
    body: withRun(object, cluster),
    query: { fieldManager: FIELD_MANAGER, dryRun: 'All' },
    isRepeatable: true,
    ...options,
  });
  return parseAnswer(PRINTED, answer, objectName(object));
};

const withRun = (object: KubernetesObject, { run, deadline }: Cluster): KubernetesObject => {
  const { metadata } = object;
  const ofRun = { [RUN_ANNOTATION]: run, ...(deadline && { [DEADLINE_ANNOTATION]: deadline }) };
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, ...ofRun } } };
};

/** `object` with what the server has added. */
const known = (object: KubernetesObject, { metadata: { uid, creationTimestamp } }: AnyObject): KubernetesObject => ({
  ...object,
  metadata: { ...object.metadata, ...(uid && { uid }), ...(creationTimestamp && { creationTimestamp }) },
});

/** Returns `object` as it is in the cluster, if this run created it. */
export const findOwn = async (
  cluster: Cluster,
  object: KubernetesObject,
  options: RequestOptions = {},
): Promise<KubernetesObject | undefined> => {
  const { name, namespace = '' } = object.metadata;
  const found = await nullIfForbidden(read(cluster, object.kind as Kind, ANY, name, { ...options, namespace }));
  return found?.metadata.annotations?.[RUN_ANNOTATION] === cluster.run ? known(object, found) : undefined;
};
