import type { KubernetesObject } from '../manifests/object.ts';
import { EVENT, type Event } from '../model/cluster-objects.ts';
import { ApiError, PreloadError } from '../model/errors.ts';
import type { Cluster } from './connection.ts';
import { list } from './lists.ts';

/** Returns the last warning about `object`, which may explain a delay; undefined if there are no warnings. */
export const lastWarning = async (
  cluster: Cluster,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<Event | undefined> => (await eventsAbout(cluster, object, signal, 'Warning')).at(-1);

/** Returns the events about `object`, the newest last. */
export const eventsAbout = async (
  cluster: Cluster,
  { kind, metadata }: KubernetesObject,
  signal: AbortSignal,
  type?: 'Warning',
): Promise<Event[]> => {
  const { name, namespace = '', uid } = metadata; // an earlier object may have had the same name
  const about = `involvedObject.kind=${kind},involvedObject.name=${name}${uid ? `,involvedObject.uid=${uid}` : ''}`;
  const fieldSelector = `${about}${type ? `,type=${type}` : ''}`;
  const events = await allowedEvents(cluster, { namespace, fieldSelector, signal });
  return events.sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : timeOf(a) > timeOf(b) ? 1 : 0));
};

/** Events explain delays, and are no reason to fail. */
const allowedEvents = (cluster: Cluster, options: Parameters<typeof list>[3]): Promise<Event[]> =>
  Array.fromAsync(list(cluster, 'Event', EVENT, options)).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.reason === 'Forbidden')) throw error;
    cluster.warn(`events are not read, so the reasons for delays may be missing: ${error.message}`);
    return [];
  });

const PATIENCE = 5000; // for the last words of a command

/** Adds the last warning about the first of `objects` that has one to `error`, since a timeout explains little. */
export const withLastWarning = async (
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  error: PreloadError,
): Promise<PreloadError> => {
  const signal = AbortSignal.timeout(PATIENCE);
  for (const object of objects) {
    const warning = await lastWarning(cluster, object, signal).catch(() => undefined);
    if (warning) return new PreloadError(`${error.message}: ${warning.reason}: ${warning.message}`, error.hint);
  }
  return error;
};

const timeOf = (event: Event): string => event.lastTimestamp ?? event.eventTime ?? '';
