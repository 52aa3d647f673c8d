import { decodeEvent } from './events.ts';
import { finalReport, LOADER_TERMS, type LoaderPod, loaderEnd, type SnapshotStatus } from './pod-state.ts';
import { startProblem } from './start-problem.ts';
import type { Phase } from './summary.ts';

/** Phase of a preload, from its loader and its snapshot if they exist. */
export const phaseOf = (
  pod: LoaderPod | undefined,
  snapshot: SnapshotStatus | undefined,
): { phase: Phase; reason?: string } => {
  if (snapshot?.readyToUse) return { phase: 'Ready' };
  // not failed: the driver retries after an error
  const reason = snapshot?.error && (snapshot.error.message ?? 'the CSI driver reports an error');
  if (snapshot || !pod) return { phase: 'Snapshotting', ...(reason && { reason }) };
  if (pod.status?.phase === 'Failed') return { phase: 'Failed', reason: failureOf(pod) };
  if (pod.status?.phase !== 'Pending') return { phase: 'Capturing' };
  const problem = startProblem(pod, LOADER_TERMS);
  return { phase: 'Starting', ...(problem && { reason: problem.message }) };
};

const failureOf = (pod: LoaderPod): string => {
  const last = finalReport(pod).map(decodeEvent).findLast(Boolean);
  return last?.type === 'failed' ? last.message : (loaderEnd(pod) ?? 'the loader failed');
};
