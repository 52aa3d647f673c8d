import { type LoaderPod, loaderEnd, startProblem } from './pod-state.ts';
import type { Phase } from './summary.ts';

export interface SnapshotStatus {
  readyToUse?: boolean;
  error?: { message?: string };
}

/** How far a preload is, from what there is of its loader and its snapshot; `now` in milliseconds. */
export const phaseOf = (
  pod: LoaderPod | undefined,
  snapshot: SnapshotStatus | undefined,
  now: number,
): { phase: Phase; reason?: string } => {
  if (snapshot?.readyToUse) return { phase: 'Ready' };
  // a driver that reports an error tries again
  const reason = snapshot?.error && (snapshot.error.message ?? 'the driver of the volume snapshot reports an error');
  if (snapshot || !pod) return { phase: 'Snapshotting', ...(reason && { reason }) };
  if (pod.status?.phase === 'Failed') return { phase: 'Failed', reason: loaderEnd(pod) ?? 'the loader failed' };
  if (pod.status?.phase !== 'Pending') return { phase: 'Capturing' };
  const problem = startProblem(pod, now);
  return { phase: 'Starting', ...(problem && { reason: problem.message }) };
};
