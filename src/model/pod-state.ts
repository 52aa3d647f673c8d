import { decodeEvent } from './events.ts';
import type { Phase } from './summary.ts';

/** What the state of the loader pod is read from. */
export interface LoaderPod {
  spec: { nodeName?: string };
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }[];
    containerStatuses?: ContainerStatus[];
  };
}

interface ContainerStatus {
  state?: {
    waiting?: { reason?: string; message?: string };
    terminated?: { exitCode: number; reason?: string; message?: string };
  };
}

const IMAGE_REASONS = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'];
const CONFIG_REASONS = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];
const UNSCHEDULABLE_PATIENCE = 20_000; // the volume may still be on its way

/** Why `pod` will not start, or undefined while it may. */
export const startProblem = (pod: LoaderPod, now: number): { message: string; hint?: string } | undefined => {
  const { phase, message, conditions = [], containerStatuses = [] } = pod.status ?? {};
  if (phase === 'Failed') return { message: `the loader failed: ${loaderEnd(pod) ?? message ?? 'no reason given'}` };
  const waiting = containerStatuses[0]?.state?.waiting;
  if (waiting?.reason && IMAGE_REASONS.includes(waiting.reason)) {
    return {
      message: `the loader's image cannot be pulled: ${waiting.message ?? waiting.reason}`,
      hint: 'name an image with Node.js 22 or newer that the node can pull with --image',
    };
  }
  if (waiting?.reason && CONFIG_REASONS.includes(waiting.reason)) {
    return { message: `the loader cannot start: ${waiting.message ?? waiting.reason}` };
  }
  const unscheduled = conditions.find((c) => c.type === 'PodScheduled' && c.reason === 'Unschedulable');
  const since = Date.parse(unscheduled?.lastTransitionTime ?? '');
  if (unscheduled && now - since > UNSCHEDULABLE_PATIENCE && !unscheduled.message?.includes('unbound immediate')) {
    return {
      message: `the loader cannot be scheduled: ${unscheduled.message}`,
      hint: 'name a node that has room with --node',
    };
  }
  return undefined;
};

/** How the loader's container ended, or undefined while it runs. */
export const loaderEnd = (pod: LoaderPod): string | undefined => {
  const terminated = pod.status?.containerStatuses?.[0]?.state?.terminated;
  if (pod.status?.reason === 'DeadlineExceeded') return 'its deadline passed';
  if (!terminated) return pod.status?.phase === 'Failed' ? (pod.status.message ?? pod.status.reason) : undefined;
  const lines = terminated.message?.trim().split('\n') ?? [];
  const said = lines.filter((line) => !decodeEvent(line)).at(-1);
  return `${terminated.reason ?? 'ended'} (exit code ${terminated.exitCode})${said ? `: ${said}` : ''}`;
};

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
