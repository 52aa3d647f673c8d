import type { Context } from '../../cli/context.ts';
import { formatJson, formatYaml, type Output } from '../../cli/output.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { tryCreate } from '../../cluster/creation.ts';
import { type KubernetesObject, type NamedObject, objectName } from '../../manifests/object.ts';
import { type NewPreload, planChecked, underFreeName, withoutValues } from './new-preload.ts';
import { planCreate } from './plan.ts';
import type { CreatePlan } from './planned.ts';

/** Returns what would be created, or what the server would make of that. */
export const dryRun = async (cluster: Cluster, preload: NewPreload, context: Context): Promise<NamedObject[]> => {
  const { options, found } = preload;
  return underFreeName(preload, context, async (named) => {
    if (options.dryRun === 'client') return allObjects(await planCreate(cluster, named, found, context));
    const plan = await planChecked(cluster, { options: named, found }, context);
    const answers: NamedObject[] = [];
    for (const object of allObjects(plan)) answers.push(await tryCreate(cluster, object, { signal: context.signal }));
    return answers;
  });
};

/** What would be sent, in order, without secret values: a dry run often ends up in a log. */
const allObjects = ({ configMap, secrets, planPod, claim, pod, snapshot }: CreatePlan): KubernetesObject[] => [
  configMap,
  ...secrets.map(withoutValues),
  ...(planPod ? [planPod] : []),
  claim,
  pod,
  snapshot,
];

/** Text of objects that would have been created. */
export const formatDryRun = (
  objects: readonly NamedObject[],
  output: Output,
  side: 'client' | 'server' = 'client',
): string => {
  if (output === 'json') return formatJson({ apiVersion: 'v1', kind: 'List', items: objects });
  if (output === 'yaml') return objects.map(formatYaml).join('\n---\n');
  const names = objects.map(objectName);
  const note = side === 'server' ? 'server dry run' : 'dry run';
  return (output === 'name' ? names : names.map((name) => `${name} created (${note})`)).join('\n');
};
