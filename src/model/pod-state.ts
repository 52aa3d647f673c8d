import * as v from 'valibot';
import { FLAG, LINE, object, SIZE, TEXT } from './parse.ts';
import type { Phase } from './summary.ts';

const CONTAINER_STATE = object({
  waiting: v.exactOptional(object({ reason: v.exactOptional(LINE), message: v.exactOptional(TEXT) })),
  terminated: v.exactOptional(
    object({ exitCode: v.number(), reason: v.exactOptional(LINE), message: v.exactOptional(TEXT) }),
  ),
});

const CONDITION = object({
  type: LINE,
  status: LINE,
  reason: v.exactOptional(LINE),
  message: v.exactOptional(TEXT),
});

/** The fields of the loader pod that describe its state. */
export const POD_STATE = object({
  spec: object({ nodeName: v.exactOptional(LINE) }),
  status: v.exactOptional(
    object({
      phase: v.exactOptional(LINE),
      reason: v.exactOptional(LINE),
      message: v.exactOptional(TEXT),
      conditions: v.exactOptional(v.array(CONDITION)),
      containerStatuses: v.exactOptional(v.array(object({ state: v.exactOptional(CONTAINER_STATE) }))),
    }),
  ),
});

export type LoaderPod = v.InferOutput<typeof POD_STATE>;

/** What a command calls its pod, and how its user can choose another volume. */
export interface PodTerms {
  pod: string;
  otherVolume: string;
}

export const LOADER_TERMS: PodTerms = { pod: 'the loader', otherVolume: 'use another --storage-class or --size' };
export const VERIFIER_TERMS: PodTerms = { pod: 'the verify pod', otherVolume: 'use another --storage-class' };

const IMAGE_REASONS = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'];
const CONFIG_REASONS = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];

interface StartProblem {
  message: string;
  hint?: string;
  /** it may pass by itself within seconds */
  mayPass?: true;
}

/** Why `pod` does not start, or undefined if nothing hinders it. */
export const startProblem = (pod: LoaderPod, terms: PodTerms): StartProblem | undefined => {
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
  if (unscheduled && !unscheduled.message?.includes('unbound immediate')) {
    return {
      message: `${terms.pod} cannot be scheduled: ${unscheduled.message}`,
      hint: 'use --node to specify a node with free resources',
      mayPass: true,
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

/** The lines that the loader left in the status of its container: its last event, so that it is not lost with the log. */
export const finalReport = (pod: LoaderPod): string[] =>
  pod.status?.containerStatuses?.[0]?.state?.terminated?.message?.split('\n') ?? [];

export const SNAPSHOT_STATUS = object({
  readyToUse: v.exactOptional(FLAG),
  error: v.exactOptional(object({ message: v.exactOptional(TEXT) })),
  boundVolumeSnapshotContentName: v.exactOptional(LINE),
  /** minimum size of a volume made from it: a quantity, or bytes */
  restoreSize: v.exactOptional(v.union([LINE, SIZE])),
});

export type SnapshotStatus = v.InferOutput<typeof SNAPSHOT_STATUS>;

/** Phase of a preload, from its loader and its snapshot if they exist. */
export const phaseOf = (
  pod: LoaderPod | undefined,
  snapshot: SnapshotStatus | undefined,
): { phase: Phase; reason?: string } => {
  if (snapshot?.readyToUse) return { phase: 'Ready' };
  // not failed: the driver retries after an error
  const reason = snapshot?.error && (snapshot.error.message ?? 'the CSI driver reports an error');
  if (snapshot || !pod) return { phase: 'Snapshotting', ...(reason && { reason }) };
  if (pod.status?.phase === 'Failed') return { phase: 'Failed', reason: loaderEnd(pod) ?? 'the loader failed' };
  if (pod.status?.phase !== 'Pending') return { phase: 'Capturing' };
  const problem = startProblem(pod, LOADER_TERMS);
  return { phase: 'Starting', ...(problem && { reason: problem.message }) };
};
