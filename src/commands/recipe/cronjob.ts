import type { Context } from '../../cli/context.ts';
import { connect } from '../../cluster/connection.ts';
import { renewalObjects } from '../../manifests/renewal.ts';
import { UsageError } from '../../model/errors.ts';
import { isPrefix, prefixProblem } from '../../model/generations.ts';
import { objectNames } from '../../model/names.ts';
import { plural } from '../../model/units.ts';
import { version } from '../../version.ts';
import { gzippedBundle } from '../bundle.ts';
import { APPLY, manifestText } from './apply.ts';
import type { RecipeOptions } from './command.ts';

/** Text of `recipe cronjob`: a CronJob that renews a preload. */
export const cronJobText = async (options: RecipeOptions, context: Context): Promise<string> => {
  const { env, progress, script } = context;
  const { NAME: name, schedule, keepLast, withPullSecrets, image } = options;
  if (name === undefined) throw new UsageError('exactly one NAME is required, got 0');
  const prefix = isPrefix(name) ? name : `${name}-`;
  const problem = prefixProblem(prefix);
  if (problem) throw new UsageError(`invalid NAME "${name}": ${problem}`);
  const { namespace } = await connect(options, env, progress.warn);
  const pullSecrets = withPullSecrets ? 'used' : 'unused';
  const settings = { prefix, namespace, version, schedule, keepLast, pullSecrets, image } as const;
  const { renewal } = objectNames(prefix.slice(0, -1));
  const notes = [
    `Creates a preload ${prefix}TIME at "${schedule}", and keeps the last ${plural(keepLast, 'preload')}.`,
    'Only what has changed since the one before is transferred.',
    `Apply it with: ${APPLY}`,
    `Run it now:    kubectl create job -n ${namespace} --from=cronjob/${renewal} ${prefix}now`,
    `Follow it:     kubectl logs -n ${namespace} -f job/${prefix}now`,
    '',
    `Each run starts a privileged pod; namespace ${namespace} must allow that. Whoever may create`,
    'pods in it can use this service account, so use a namespace that only administrators use.',
    ...(withPullSecrets
      ? [
          'The service account may read ALL Secrets of the cluster, to capture private images that',
          'the node does not have. Without --with-pull-secrets, it reads none.',
        ]
      : [
          'It reads no Secrets: private images are captured only if the node has them, and are',
          'skipped otherwise. --with-pull-secrets lets it read all Secrets of the cluster.',
        ]),
    'To remove all this, but not the preloads:',
    `  kubectl delete cronjob,rolebinding,role,configmap,serviceaccount -n ${namespace} ${renewal}`,
    `  kubectl delete clusterrolebinding,clusterrole ${namespace}.${renewal}`,
  ];
  return manifestText(notes, renewalObjects(settings, await gzippedBundle(script)));
};
