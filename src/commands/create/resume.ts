import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { type Left, leftObjects, markResumed, readLeft, readLeftSecrets } from '../../cluster/leftovers.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { finishPreload } from './finish.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { type Leftovers, type Made, makePreload } from './make.ts';
import { loaderDeadline } from './plan.ts';
import { type CreatePlan, plannedObjects } from './planned.ts';
import { planSecrets } from './pull-secrets.ts';

interface ResumeOptions {
  NAME: string;
  /** milliseconds */
  timeout: number;
}

/** Continues an interrupted run of create, in any phase. Throws PreloadError if there is no such run. */
export const resumePreload = async (
  cluster: Cluster,
  { NAME: name, timeout }: ResumeOptions,
  context: Context,
): Promise<Made> => {
  const { signal } = context;
  const left = await readLeft(cluster, name, signal);
  await markResumed(cluster, left, signal);
  if (left.snapshot) return finishPreload(cluster, left.snapshot, left, context);
  const inputs = readInputs(cluster, name, left);
  context.progress.done(`Continuing the interrupted run for preload ${name}`);
  const { plan, leftovers } = await planAgain(cluster, inputs, left, { timeout, signal });
  return makePreload(cluster, plan, { left: leftovers }, context);
};

/** The plan of the run with the objects that are used again: its volume, and its loader unless that has failed. */
const planAgain = async (
  cluster: Cluster,
  { saved, request, configMap }: Inputs,
  left: Left,
  { timeout, signal }: { timeout: number; signal: AbortSignal },
): Promise<{ plan: CreatePlan; leftovers: Leftovers }> => {
  const { name } = saved.settings;
  const { claim, planPod, pod, record } = leftObjects(left);
  const oldSecrets = await readLeftSecrets(cluster, name, saved.settings.pullSecrets, signal);
  const isClaimUsed = left.claim && !left.claim.metadata.deletionTimestamp;
  const isPodUsed =
    isClaimUsed && left.pod && !left.pod.metadata.deletionTimestamp && left.pod.status?.phase !== 'Failed';
  const size = isClaimUsed ? left.claim?.spec.resources?.requests?.storage : undefined;
  const settings = { ...saved.settings, ...(size && { size }), deadline: loaderDeadline(timeout) };

  const withNewLoader = async (): Promise<CreatePlan> => {
    const { images, cache } = request;
    const sources = { pullSecrets: new Set(saved.logins), serviceAccounts: new Set<string>(), isNamed: false };
    const { secrets } = await planSecrets(cluster, { name, images, cache, ...sources }, signal);
    const pullSecrets = secrets.map(({ metadata }) => metadata.name);
    return plannedObjects({ ...saved, settings: { ...settings, pullSecrets } }, configMap, secrets);
  };
  const planned = isPodUsed ? plannedObjects({ ...saved, settings }, configMap, oldSecrets) : await withNewLoader();
  const plan = { ...planned, ...(isClaimUsed && claim && { claim }), ...(isPodUsed && pod && { pod }) };
  const objects = [...oldSecrets, configMap, ...there(claim, planPod, pod, record)];
  const used = [
    ...[configMap, ...(isClaimUsed ? there(claim) : [])],
    ...(isPodUsed ? [...there(pod), ...oldSecrets] : []),
  ];
  return { plan, leftovers: { objects, used, withNewLoader } };
};

const there = (...objects: (KubernetesObject | undefined)[]): KubernetesObject[] =>
  objects.filter((object) => object !== undefined);
