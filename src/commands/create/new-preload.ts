import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { checkAllowed, checkPullSecrets, checkStorage } from '../../cluster/preflight.ts';
import { checkRetain } from '../../cluster/retain.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { recordConfigMap } from '../../manifests/snapshot.ts';
import { NameTaken, UsageError } from '../../model/errors.ts';
import { generatedName } from '../../model/generations.ts';
import { nameProblem } from '../../model/names.ts';
import type { FoundImages } from '../find-images.ts';
import { architecture } from './all-platforms.ts';
import type { CreateOptions } from './command.ts';
import { type Made, makePreload } from './make.ts';
import { type PlanOptions, planCreate } from './plan.ts';
import type { CreatePlan } from './planned.ts';

/** One preload to create. */
export interface NewPreload {
  options: CreateOptions;
  /** its images */
  found: FoundImages;
  /** milliseconds, for a generated name */
  time: number;
}

const SECOND = 1000;

/** Its name; if that is generated, another one for each of `tries`. */
const nameOf = ({ options, time }: NewPreload, tries: number): string => {
  const { NAME, generateName = '', allPlatforms, platform } = options;
  const name = NAME ?? generatedName(generateName, time + tries * SECOND);
  const full = allPlatforms && platform ? `${name}-${architecture(platform)}` : name;
  const problem = nameProblem(full);
  if (problem) throw new UsageError(`invalid NAME "${full}": ${problem}`);
  return full;
};

/** Plans a preload, and checks everything that can be checked beforehand. Throws NameTaken if it cannot have this name. */
export const planChecked = async (
  cluster: Cluster,
  { options, found }: { options: PlanOptions; found: FoundImages },
  context: Context,
): Promise<CreatePlan> => {
  const { signal } = context;
  const plan = await planCreate(cluster, options, found, context);
  await checkStorage(cluster, options, signal);
  await checkPullSecrets(cluster, options.imagePullSecret, signal);
  if (options.retain) await checkRetain(cluster, signal);
  const record = recordConfigMap(plan.settings, Buffer.of());
  await checkAllowed(cluster, [plan.pod, plan.claim, ...withoutData(plan), plan.snapshot, record], signal);
  return plan;
};

/** Does `work` with the options for its name; again with another name if that is generated and taken. */
export const underFreeName = async <T>(
  preload: NewPreload,
  { progress, signal }: Context,
  work: (options: PlanOptions) => Promise<T>,
): Promise<T> => {
  const { options } = preload;
  for (let tries = 0; ; tries += 1) {
    const NAME = nameOf(preload, tries);
    try {
      if (options.generateName) progress.done(`Name ${NAME}`);
      return await work({ ...options, NAME });
    } catch (error) {
      if (!options.generateName || !(error instanceof NameTaken)) throw error;
      signal.throwIfAborted();
    }
  }
};

export const createPreload = (cluster: Cluster, preload: NewPreload, context: Context): Promise<Made> =>
  underFreeName(preload, context, async (options) => {
    const plan = await planChecked(cluster, { options, found: preload.found }, context);
    return makePreload(cluster, plan, options, context);
  });

/** The config map and the Secrets of the loader, whose data need not be sent to know whether they may be created. */
const withoutData = ({ configMap, secrets }: CreatePlan): KubernetesObject[] => [
  { ...configMap, binaryData: {} },
  ...secrets.map(withoutValues),
];

/** A Secret whose values are empty. */
export const withoutValues = (secret: KubernetesObject): KubernetesObject => {
  const keys = Object.keys(secret.data as Record<string, string>);
  return { ...secret, data: Object.fromEntries(keys.map((key) => [key, ''])) };
};
