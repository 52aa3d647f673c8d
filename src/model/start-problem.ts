import { containerState, endHint, type LoaderPod, loaderEnd, type PodTerms } from './pod-state.ts';

/** What keeps a pod from starting, in the words of whoever reports it. */
export interface StartProblem {
  message: string;
  hint?: string | undefined;
  /** milliseconds after which waiting no longer helps; without it, the problem may pass at any time */
  limit?: number;
}

const MINUTE = 60_000;
const SYNCING = 2 * MINUTE; // a registry or a login that somebody is just setting up
const SETTLING = 20_000; // an object that was created just before

/** Reports that end a run early, since they do not pass by themselves. All others may, until the time limit. */
const LASTING: readonly { reason: RegExp; text: RegExp; limit: number }[] = [
  // no registry is asked for an invalid name
  { reason: /^InvalidImageName$/, text: /./, limit: 0 },
  // needs another name or login
  {
    reason: /^(ErrImagePull|ImagePullBackOff)$/,
    text: /not found|manifest unknown|denied|unauthorized|authentication required|forbidden|no match for platform/i,
    limit: SYNCING,
  },
  // autoscalers cannot help: the user has named the only node
  { reason: /^UnschedulableOnNode$/, text: /./, limit: SYNCING },
  // a class or a source that does not exist
  { reason: /^ProvisioningFailed$/, text: /(class\S*|snapshot|DataSource).*not found/i, limit: SETTLING },
  // what the volume contains does not change
  {
    reason: /^FailedMount$/,
    text: /wrong fs type|bad superblock|unknown filesystem type|duplicate UUID/i,
    limit: MINUTE / 2,
  },
];

const limitOf = (reason: string, message: string): { limit?: number } => {
  const found = LASTING.find((lasting) => lasting.reason.test(reason) && lasting.text.test(message));
  return found ? { limit: found.limit } : {};
};

const IMAGE_REASONS = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'];
const CONFIG_REASONS = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];

/** Why `pod` does not start, or undefined if nothing hinders it; `node` if the user requires it. */
export const startProblem = (pod: LoaderPod, terms: PodTerms, node?: string): StartProblem | undefined => {
  const { phase, message, conditions = [] } = pod.status ?? {};
  if (phase === 'Failed') {
    const reason = loaderEnd(pod) ?? message ?? 'no reason given';
    const hint = endHint(pod) ?? 'run the command again, or use another node with --node';
    return { message: `${terms.pod} failed: ${reason}`, hint, limit: 0 };
  }
  const { reason = '', message: text = reason } = containerState(pod)?.waiting ?? {};
  if (IMAGE_REASONS.includes(reason)) {
    return {
      message: `${terms.pod}'s image cannot be pulled: ${text}`,
      hint: 'use --image to specify an image with Node.js 22 or newer that the node can pull',
      ...limitOf(reason, text),
    };
  }
  if (CONFIG_REASONS.includes(reason)) return { message: `${terms.pod} cannot start: ${text}` };
  const unscheduled = conditions.find((c) => c.type === 'PodScheduled' && c.reason === 'Unschedulable');
  if (!unscheduled || unscheduled.message?.includes('unbound immediate')) return undefined;
  return {
    message: `${terms.pod} cannot be scheduled: ${unscheduled.message}`,
    hint: 'use --node to specify a node with free resources',
    ...(node && limitOf('UnschedulableOnNode', unscheduled.message ?? '')),
  };
};

/** What the events of a pod or of its claim say about why it does not start. */
export const eventProblem = (
  { reason, message }: { reason: string; message: string },
  terms: PodTerms,
): StartProblem => {
  const what: Record<string, string> = {
    FailedMount: 'cannot mount the volume',
    ProvisioningFailed: 'cannot create the volume',
  };
  const known = what[reason];
  return {
    message: `${known ?? reason}: ${message}`,
    ...(known && { hint: isTwin(reason, message) ? TWIN : terms.otherVolume }),
    ...limitOf(reason, message),
  };
};

const TWIN =
  'if the node has another volume of the same snapshot, XFS needs a --storage-class with mountOptions [nouuid], or another node with --node';

/** Whether XFS may have refused a volume because another one with its UUID is mounted: only the kernel log says so. */
const isTwin = (reason: string, message: string): boolean =>
  reason === 'FailedMount' &&
  (/duplicate UUID/i.test(message) || /\bxfs\b.*(wrong fs type|bad superblock)/is.test(message));

/** Returns a function that tells whether a problem, seen `now` (milliseconds), has lasted longer than it may. */
export const createStartPatience = (): ((problem: StartProblem | undefined, now: number) => boolean) => {
  let since: number | undefined;
  return (problem, now) => {
    if (!problem) since = undefined;
    if (problem?.limit === undefined) return false;
    since ??= now;
    return now - since >= problem.limit;
  };
};
