import type { Cluster } from '../../cluster/connection.ts';
import { leftObjects, readLeft } from '../../cluster/leftovers.ts';
import { lastLogLines } from '../../cluster/pod.ts';
import { lastWarning } from '../../cluster/warnings.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { decodeEvent } from '../../model/events.ts';
import { LOADER_TERMS } from '../../model/pod-state.ts';
import { eventProblem } from '../../model/start-problem.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { describeProgress } from '../capture-progress.ts';

/** Adds how far a preload is, or what delays it, as far as this user may see that. */
export const withReason = async (
  cluster: Cluster,
  preload: PreloadSummary,
  signal: AbortSignal,
): Promise<PreloadSummary> => {
  if (preload.reason || !['Starting', 'Capturing'].includes(preload.phase)) return preload;
  const reason = await reasonOf(cluster, preload, signal).catch(() => {
    signal.throwIfAborted();
    return undefined;
  });
  return { ...preload, ...(reason && { reason }) };
};

const reasonOf = async (
  cluster: Cluster,
  { name, phase }: PreloadSummary,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const { claim, planPod, pod } = leftObjects(await readLeft(cluster, name, signal));
  if (phase === 'Capturing') return pod && progressOf(await lastLogLines(cluster, pod, signal));
  return warningAbout(cluster, [claim, pod ?? planPod], signal);
};

/** What the loader reported last; without speed, since its log does not tell when it reported. */
const progressOf = (log: readonly string[]): string | undefined => {
  const last = log.map(decodeEvent).findLast((event) => event?.type === 'progress');
  return last?.type === 'progress' ? describeProgress(last, 0) : undefined;
};

const warningAbout = async (
  cluster: Cluster,
  objects: readonly (KubernetesObject | undefined)[],
  signal: AbortSignal,
): Promise<string | undefined> => {
  for (const object of objects) {
    const warning = object && (await lastWarning(cluster, object, signal));
    if (warning) return eventProblem(warning, LOADER_TERMS).message;
  }
  return undefined;
};
