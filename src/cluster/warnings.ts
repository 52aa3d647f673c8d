import type { KubernetesObject } from '../manifests/object.ts';
import { EVENT, type Event } from '../model/cluster-objects.ts';
import { PreloadError } from '../model/errors.ts';
import type { Cluster } from './connection.ts';
import { list } from './objects.ts';

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
  const events = await Array.fromAsync(list(cluster, 'Event', EVENT, { namespace, fieldSelector, signal }));
  return events.sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : timeOf(a) > timeOf(b) ? 1 : 0));
};

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
