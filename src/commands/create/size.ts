import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { create } from '../../cluster/creation.ts';
import type { MadeObjects } from '../../cluster/made-objects.ts';
import { loaderEvents, podStarted } from '../../cluster/pod.ts';
import { poll } from '../../cluster/wait.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import type { PlanSummary } from '../../model/plan.ts';
import { LOADER_TERMS } from '../../model/pod-state.ts';
import { formatBytes, formatQuantity, plural } from '../../model/units.ts';
import { plannedBytes } from '../../model/volume-size.ts';
import { type Wait, waitStep } from '../step.ts';
import type { CreatePlan } from './planned.ts';

/** What the loader will need, and the node that said so. */
interface Found {
  node: string;
  summary: PlanSummary;
}

/**
 * Returns `plan` with a volume of the right size, and its loader on the node that knows it: a pod without a volume plans the
 * capture. If that cannot help, returns `plan` as it is: the loader will say whether the volume is too small.
 */
export const withRightSize = async (
  cluster: Cluster,
  plan: CreatePlan,
  made: MadeObjects,
  context: Context,
): Promise<CreatePlan> => {
  const { planPod, resized } = plan;
  if (!planPod || !resized || plan.claim.metadata.uid) return plan;
  const secrets: KubernetesObject[] = [];
  for (const secret of plan.secrets) secrets.push(await made.create(secret));
  const configMap = plan.configMap.metadata.uid ? plan.configMap : await made.create(plan.configMap);
  let pod: KubernetesObject | undefined;
  const found = await waitStep(context, {
    title: PLANNING,
    do: async (report) => {
      pod = await made.create(planPod).catch(() => undefined); // there may be a quota for pods
      return (
        pod && findOut(cluster, { pod, claim: plan.claim, requiredNode: plan.settings.node }, report, context.signal)
      );
    },
    done: (found) =>
      found
        ? `${plural(found.summary.images, 'image')} need ${formatBytes(found.summary.neededBytes)}`
        : 'Could not plan, so the size of the volume is a guess',
  });
  const sized = found ? resized(formatQuantity(plannedBytes(found.summary, plan.base)), found.node) : plan;
  return { ...sized, configMap, secrets, ...(pod && { planPod: pod }) };
};

/** Creates the volume, and then removes the pod that has planned: one of them always vouches for the run. */
export const withVolume = async (
  cluster: Cluster,
  plan: CreatePlan,
  made: MadeObjects,
  signal: AbortSignal,
): Promise<CreatePlan> => {
  const { planPod } = plan;
  if (!planPod?.metadata.uid) return plan;
  const claim = await made.create(plan.claim);
  const others = made.all().filter((object) => object !== planPod);
  await made.remove({ keep: others.toReversed(), until: AbortSignal.abort() });
  await roomForLoader(cluster, plan.pod, signal);
  return { ...plan, claim };
};

const PLANNING = 'Planning';
const PLAN_PATIENCE = 60_000; // the pod itself gives up earlier

const findOut = async (
  cluster: Cluster,
  { pod, claim, requiredNode }: { pod: KubernetesObject; claim: KubernetesObject; requiredNode: string | undefined },
  onProblem: Wait['report'],
  signal: AbortSignal,
): Promise<Found | undefined> => {
  // what keeps it from starting would also keep the loader from starting
  const starting = { pod, claim, terms: LOADER_TERMS, node: requiredNode, onProblem };
  const node = await podStarted(cluster, starting, signal);
  const soon = AbortSignal.any([signal, AbortSignal.timeout(PLAN_PATIENCE)]);
  const summary = await plannedBy(cluster, pod, soon).catch((): undefined => {
    signal.throwIfAborted();
  });
  return summary && { node, summary };
};

const plannedBy = async (
  cluster: Cluster,
  pod: KubernetesObject,
  signal: AbortSignal,
): Promise<PlanSummary | undefined> => {
  for await (const event of loaderEvents(cluster, pod, signal)) if (event.type === 'plan') return event.plan;
  return undefined;
};

const QUOTA_PATIENCE = 30_000;

/** Waits until no quota refuses the loader any more because the other pod still counts. */
const roomForLoader = async (cluster: Cluster, pod: KubernetesObject, signal: AbortSignal): Promise<void> => {
  const either = AbortSignal.any([signal, AbortSignal.timeout(QUOTA_PATIENCE)]);
  const isRefused = (error: Error) => /exceeded quota/.test(error.message);
  const answer = () =>
    create(cluster, pod, { dryRun: true, signal: either }).then(
      () => true as const,
      (error) => (isRefused(error) ? undefined : (true as const)),
    );
  await poll(either, answer).catch(() => signal.throwIfAborted());
};
