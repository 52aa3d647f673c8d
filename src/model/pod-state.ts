import * as v from 'valibot';
import { CONTAINER } from './names.ts';
import { FLAG, LINE, object, SIZE, TEXT } from './parse.ts';

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
      containerStatuses: v.exactOptional(v.array(object({ name: LINE, state: v.exactOptional(CONTAINER_STATE) }))),
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

/** The state of the loader's own container; others may have been injected into its pod. */
export const containerState = (pod: LoaderPod): v.InferOutput<typeof CONTAINER_STATE> | undefined =>
  pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state;

/** Why the loader's container ended, or undefined while it runs. */
export const loaderEnd = (pod: LoaderPod): string | undefined => {
  const terminated = containerState(pod)?.terminated;
  if (pod.status?.reason === 'DeadlineExceeded') return 'its deadline was exceeded';
  if (!terminated) return pod.status?.phase === 'Failed' ? (pod.status.message ?? pod.status.reason) : undefined;
  const lines = terminated.message?.trim().split('\n') ?? [];
  const last = lines.filter((line) => !line.startsWith('{')).at(-1); // not its events
  return `${terminated.reason ?? 'ended'} (exit code ${terminated.exitCode})${last ? `: ${last}` : ''}`;
};

const END_HINTS = new Map([
  ['StartError', 'use --image to specify an image with Node.js 22 or newer'],
  ['OOMKilled', 'give the pod more memory, such as with --limits memory=1Gi'],
]);

/** What helps if the loader's container ended for its own reason. */
export const endHint = (pod: LoaderPod): string | undefined =>
  END_HINTS.get(containerState(pod)?.terminated?.reason ?? '');

/** The lines that the loader left in the status of its container: its last event, so that it is not lost with the log. */
export const finalReport = (pod: LoaderPod): string[] => containerState(pod)?.terminated?.message?.split('\n') ?? [];

export const SNAPSHOT_STATUS = object({
  readyToUse: v.exactOptional(FLAG),
  error: v.exactOptional(object({ message: v.exactOptional(TEXT) })),
  boundVolumeSnapshotContentName: v.exactOptional(LINE),
  /** minimum size of a volume made from it: a quantity, or bytes */
  restoreSize: v.exactOptional(v.union([LINE, SIZE])),
});

export type SnapshotStatus = v.InferOutput<typeof SNAPSHOT_STATUS>;
