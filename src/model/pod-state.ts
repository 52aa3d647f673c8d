import type { Phase } from './summary.ts';

/** The fields of the loader pod that describe its state. */
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

/** What a command calls its pod, and how its user can choose another volume. */
export interface PodTerms {
  pod: string;
  otherVolume: string;
}

export const LOADER_TERMS: PodTerms = { pod: 'the loader', otherVolume: 'use another --storage-class or --size' };
export const VERIFIER_TERMS: PodTerms = { pod: 'the verify pod', otherVolume: 'use another --storage-class' };

const IMAGE_REASONS = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'];
const CONFIG_REASONS = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];
const UNSCHEDULABLE_PATIENCE = 20_000; // the volume may not be created yet

/** Why `pod` will not start, or undefined if it still can; `now` in milliseconds. */
export const startProblem = (
  pod: LoaderPod,
  now: number,
  terms: PodTerms,
): { message: string; hint?: string } | undefined => {
  const { phase, message, conditions = [], containerStatuses = [] } = pod.status ?? {};
  if (phase === 'Failed') {
    const reason = loaderEnd(pod) ?? message ?? 'no reason given';
    return {
      message: `${terms.pod} failed: ${reason}`,
      hint: 'run the command again, or use another node with --node',
    };
  }
  const waiting = containerStatuses[0]?.state?.waiting;
  if (waiting?.reason && IMAGE_REASONS.includes(waiting.reason)) {
    return {
      message: `${terms.pod}'s image cannot be pulled: ${waiting.message ?? waiting.reason}`,
      hint: 'use --image to specify an image with Node.js 22 or newer that the node can pull',
    };
  }
  if (waiting?.reason && CONFIG_REASONS.includes(waiting.reason)) {
    return { message: `${terms.pod} cannot start: ${waiting.message ?? waiting.reason}` };
  }
  const unscheduled = conditions.find((c) => c.type === 'PodScheduled' && c.reason === 'Unschedulable');
  const since = Date.parse(unscheduled?.lastTransitionTime ?? '');
  if (unscheduled && now - since > UNSCHEDULABLE_PATIENCE && !unscheduled.message?.includes('unbound immediate')) {
    return {
      message: `${terms.pod} cannot be scheduled: ${unscheduled.message}`,
      hint: 'use --node to specify a node with free resources',
    };
  }
  return undefined;
};

/** Why the loader's container ended, or undefined while it runs. */
export const loaderEnd = (pod: LoaderPod): string | undefined => {
  const terminated = pod.status?.containerStatuses?.[0]?.state?.terminated;
  if (pod.status?.reason === 'DeadlineExceeded') return 'its deadline was exceeded';
  if (!terminated) return pod.status?.phase === 'Failed' ? (pod.status.message ?? pod.status.reason) : undefined;
  const lines = terminated.message?.trim().split('\n') ?? [];
  const last = lines.filter((line) => !line.startsWith('{')).at(-1); // not its events
  return `${terminated.reason ?? 'ended'} (exit code ${terminated.exitCode})${last ? `: ${last}` : ''}`;
};

export interface SnapshotStatus {
  readyToUse?: boolean;
  error?: { message?: string };
}

/** Phase of a preload, from its loader and its snapshot if they exist; `now` in milliseconds. */
export const phaseOf = (
  pod: LoaderPod | undefined,
  snapshot: SnapshotStatus | undefined,
  now: number,
): { phase: Phase; reason?: string } => {
  if (snapshot?.readyToUse) return { phase: 'Ready' };
  // not failed: the driver retries after an error
  const reason = snapshot?.error && (snapshot.error.message ?? 'the CSI driver reports an error');
  if (snapshot || !pod) return { phase: 'Snapshotting', ...(reason && { reason }) };
  if (pod.status?.phase === 'Failed') return { phase: 'Failed', reason: loaderEnd(pod) ?? 'the loader failed' };
  if (pod.status?.phase !== 'Pending') return { phase: 'Capturing' };
  const problem = startProblem(pod, now, LOADER_TERMS);
  return { phase: 'Starting', ...(problem && { reason: problem.message }) };
};
