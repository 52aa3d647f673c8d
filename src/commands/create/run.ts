import type { Context } from '../../cli/context.ts';
import { formatJson, formatYaml, type Output } from '../../cli/output.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { checkAllowed, checkPullSecrets, checkStorage } from '../../cluster/preflight.ts';
import { UNTIL_DEADLINE } from '../../cluster/weather.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import { recordConfigMap } from '../../manifests/snapshot.ts';
import { UsageError } from '../../model/errors.ts';
import { NEVER } from '../../model/names.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { endOfRun, withDeadline } from '../deadline.ts';
import { formatPreloads } from '../preload-table.ts';
import { warnOfDeletion } from '../ready-snapshot.ts';
import type { CreateOptions } from './command.ts';
import { makePreload } from './make.ts';
import { planCreate } from './plan.ts';
import type { CreatePlan } from './planned.ts';
import { resumePreload } from './resume.ts';

export const runCreate = async (options: CreateOptions, context: Context): Promise<void> => {
  if (options.IMAGE.length > 0 && options.from) throw new UsageError('specify images or --from, not both');
  const deadline = options.keep ? NEVER : endOfRun(options.timeout, context.now());
  const lasting = options.dryRun === 'client' ? {} : { patience: UNTIL_DEADLINE, deadline };
  const cluster = await connect({ ...options, ...lasting }, context.env, context.progress.warn);
  await withDeadline(options.timeout, context, async (limited) => {
    if (options.dryRun === 'client') {
      context.print(formatDryRun(allObjects(await planCreate(cluster, options, limited)), options.output));
      return;
    }
    const summary = await (options.resume ? resumePreload : createPreload)(cluster, options, limited);
    warnOfDeletion(summary, limited);
    context.print(formatPreloads(summary, options.output, { now: context.now() }));
    if (summary.contentsDigest) {
      context.progress.note(
        `To restore nothing but this volume, run on nodes: restore.sh --expect ${summary.contentsDigest}`,
      );
    }
  });
  context.signal.throwIfAborted(); // Ctrl-C during the removal of the loader
};

/** Checks everything that can be checked beforehand, and then creates the preload. */
const createPreload = async (cluster: Cluster, options: CreateOptions, context: Context): Promise<PreloadSummary> => {
  const { signal } = context;
  const plan = await planCreate(cluster, options, context);
  await checkStorage(cluster, options, signal);
  await checkPullSecrets(cluster, options.imagePullSecret, signal);
  const record = recordConfigMap(plan.settings, Buffer.of());
  await checkAllowed(cluster, [plan.pod, plan.claim, ...withoutData(plan), plan.snapshot, record], signal);
  return makePreload(cluster, plan, options, context);
};

/** The config map and the Secrets of the loader, whose data need not be sent to know whether they may be created. */
const withoutData = ({ configMap, secrets }: CreatePlan): KubernetesObject[] => [
  { ...configMap, binaryData: {} },
  ...secrets.map(withoutValues),
];

/** What would be sent, in order, without secret values: a dry run often ends up in a log. */
const allObjects = ({ configMap, secrets, planPod, claim, pod, snapshot }: CreatePlan): KubernetesObject[] => [
  configMap,
  ...secrets.map(withoutValues),
  ...(planPod ? [planPod] : []),
  claim,
  pod,
  snapshot,
];

const withoutValues = (secret: KubernetesObject): KubernetesObject => {
  const keys = Object.keys(secret.data as Record<string, string>);
  return { ...secret, data: Object.fromEntries(keys.map((key) => [key, ''])) };
};

/** Text of objects that would have been created. */
export const formatDryRun = (objects: readonly KubernetesObject[], output: Output): string => {
  if (output === 'json') return formatJson({ apiVersion: 'v1', kind: 'List', items: objects });
  if (output === 'yaml') return objects.map(formatYaml).join('\n---\n');
  const names = objects.map(objectName);
  return (output === 'name' ? names : names.map((name) => `${name} created (dry run)`)).join('\n');
};
