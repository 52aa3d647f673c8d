import type * as v from 'valibot';
import { type KubernetesObject, objectName } from '../manifests/object.ts';
import { FIELD_MANAGER } from '../model/names.ts';
import type { Cluster } from './connection.ts';
import { type Kind, pathOf } from './kinds.ts';
import { parseAnswer } from './objects.ts';
import { sendForJson } from './rest.ts';

/** Returns what `schema` makes of `object` as the server would store it, after all admission. Creates nothing. */
export const admitted = async <S extends v.GenericSchema>(
  cluster: Cluster,
  object: KubernetesObject,
  schema: S,
  signal: AbortSignal,
): Promise<v.InferOutput<S>> => {
  const answer = await sendForJson(cluster, pathOf(object.kind as Kind, object.metadata.namespace), {
    ...{ method: 'POST', body: object, isRepeatable: true, signal },
    query: { fieldManager: FIELD_MANAGER, dryRun: 'All' },
  });
  return parseAnswer(schema, answer, objectName(object));
};
