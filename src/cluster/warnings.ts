import type { KubernetesObject } from '../manifests/object.ts';
import { EVENT, type Event } from '../model/cluster-objects.ts';
import { PreloadError } from '../model/errors.ts';
import type { Cluster } from './connection.ts';
import { list } from './objects.ts';

interface Warning {
  /** `FailedMount: …` */
  text: string;
  /** by the server's clock; another one if the same warning came again */
  time: string;
}

/** Returns the last warning about `object`, which may explain a delay; undefined if there are no warnings. */
export const lastWarning = async (
  cluster: Cluster,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<Warning | undefined> => {
  let last: Event | undefined;
  for await (const event of eventsOf(cluster, object, 'Warning', signal)) {
    if (!last || timeOf(event) >= timeOf(last)) last = event;
  }
  return last && { text: `${last.reason}: ${last.message}`, time: timeOf(last) };
};

const SCALING_UP = ['TriggeredScaleUp', 'Nominated']; // by cluster-autoscaler and Karpenter

/** Whether an autoscaler is adding a node for `pod`. */
export const isScalingUp = async (cluster: Cluster, pod: KubernetesObject, signal: AbortSignal): Promise<boolean> => {
  for await (const { reason } of eventsOf(cluster, pod, 'Normal', signal)) if (SCALING_UP.includes(reason)) return true;
  return false;
};

const eventsOf = (
  cluster: Cluster,
  { kind, metadata }: KubernetesObject,
  type: 'Normal' | 'Warning',
  signal: AbortSignal,
): AsyncGenerator<Event> => {
  const { name, namespace = '', uid } = metadata; // an earlier object may have had the same name
  const about = `involvedObject.kind=${kind},involvedObject.name=${name}${uid ? `,involvedObject.uid=${uid}` : ''}`;
  return list(cluster, 'Event', EVENT, { namespace, fieldSelector: `${about},type=${type}`, signal });
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
    if (warning) return new PreloadError(`${error.message}: ${warning.text}`, error.hint);
  }
  return error;
};

const timeOf = (event: Event): string => event.lastTimestamp ?? event.eventTime ?? '';
