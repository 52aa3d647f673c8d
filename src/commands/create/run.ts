import type { Context } from '../../cli/context.ts';
import { formatJson, formatYaml, type Output } from '../../cli/output.ts';
import { connect } from '../../cluster/connection.ts';
import { checkAllowed, checkPullSecrets, checkStorage } from '../../cluster/preflight.ts';
import { checkSnapshotNameIsFree } from '../../cluster/snapshots.ts';
import { UNTIL_DEADLINE } from '../../cluster/weather.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import { UsageError } from '../../model/errors.ts';
import { withDeadline } from '../deadline.ts';
import { formatPreloads } from '../preload-table.ts';
import { warnOfDeletion } from '../ready-snapshot.ts';
import type { CreateOptions } from './command.ts';
import { makePreload } from './make.ts';
import { type CreatePlan, planCreate } from './plan.ts';

export const runCreate = async (options: CreateOptions, context: Context): Promise<void> => {
  if (options.IMAGE.length > 0 && options.from) throw new UsageError('specify images or --from, not both');
  const lasting = options.dryRun === 'client' ? {} : { patience: UNTIL_DEADLINE };
  const cluster = await connect({ ...options, ...lasting }, context.env, context.progress.warn);
  await withDeadline(options.timeout, context, async (limited) => {
    const plan = await planCreate(cluster, options, limited);
    if (options.dryRun === 'client') {
      context.print(formatDryRun(plannedObjects(plan), options.output));
      return;
    }
    await checkStorage(cluster, options, limited.signal);
    await checkPullSecrets(cluster, options.imagePullSecret, limited.signal);
    await checkSnapshotNameIsFree(cluster, options.NAME, limited.signal);
    await checkAllowed(cluster, [plan.pod, plan.claim, plan.snapshot, ...withoutData(plan)], limited.signal);
    const summary = await makePreload(cluster, plan, options, limited);
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

/** The config map and the Secrets of the loader, whose data need not be sent to know whether they may be created. */
const withoutData = ({ configMap, secrets }: CreatePlan): KubernetesObject[] => [
  { ...configMap, binaryData: {} },
  ...secrets.map(withoutValues),
];

/** What would be sent, in order, without secret values: a dry run often ends up in a log. */
const plannedObjects = ({ configMap, secrets, sizing, claim, pod, snapshot }: CreatePlan): KubernetesObject[] => [
  configMap,
  ...secrets.map(withoutValues),
  ...(sizing?.planPod ? [sizing.planPod] : []),
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
