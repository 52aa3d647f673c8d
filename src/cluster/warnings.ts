import type { KubernetesObject } from '../manifests/object.ts';
import { PreloadError } from '../model/errors.ts';
import type { Cluster } from './connection.ts';
import { list } from './objects.ts';

interface Event {
  type: string;
  reason: string;
  message: string;
  lastTimestamp?: string;
  eventTime?: string;
}

/** The last warning about `object`, for a reason why something takes long. */
export const lastWarning = async (
  cluster: Cluster,
  { kind, metadata }: KubernetesObject,
): Promise<string | undefined> => {
  const { name, uid } = metadata; // an object of the same name may have been there before
  const about = `involvedObject.kind=${kind},involvedObject.name=${name}${uid ? `,involvedObject.uid=${uid}` : ''}`;
  const fieldSelector = `${about},type=Warning`;
  let last: Event | undefined;
  for await (const event of list<Event>(cluster, 'Event', { namespace: metadata.namespace ?? '', fieldSelector })) {
    if (!last || timeOf(event) >= timeOf(last)) last = event;
  }
  return last && `${last.reason}: ${last.message}`;
};

/** A timeout alone says little: `error` with the last warning about the first of `objects` that has one. */
export const withLastWarning = async (
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  error: PreloadError,
): Promise<PreloadError> => {
  for (const object of objects) {
    const warning = await lastWarning(cluster, object).catch(() => undefined);
    if (warning) return new PreloadError(`${error.message}: ${warning}`, error.hint);
  }
  return error;
};

const timeOf = (event: Event): string => event.lastTimestamp ?? event.eventTime ?? '';
