import type { Context } from '../cli/context.ts';
import { formatDryRun } from '../cli/format-dry-run.ts';
import { formatPreloads } from '../cli/format-preloads.ts';
import { type Cluster, connect } from '../cluster/connection.ts';
import { read } from '../cluster/objects.ts';
import { checkLoaderAllowed, checkStorage } from '../cluster/preflight.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import { PreloadError } from '../model/errors.ts';
import { objectNames, USAGE_NAME } from '../model/name.ts';
import type { CreateOptions } from './create.ts';
import { type CreatePlan, planCreate } from './create-plan.ts';
import { makePreload } from './make-preload.ts';
import { withTimeout } from './with-timeout.ts';

export const runCreate = (options: CreateOptions, context: Context): Promise<void> =>
  withTimeout(context, options.timeout, async (limited) => {
    const { signal } = limited;
    const cluster = connect(options, context.progress.warn);
    const plan = await planCreate(cluster, options, limited);
    if (options.dryRun === 'client') {
      context.print(formatDryRun(plannedObjects(plan), options.output));
      return;
    }
    await checkStorage(cluster, options, signal);
    await checkNameIsFree(cluster, options.NAME, signal);
    await checkLoaderAllowed(cluster, plan.pod, signal);
    const summary = await makePreload(cluster, plan, options.keep, limited);
    context.print(formatPreloads(summary, options.output, context.now()));
  });

/** What would be sent, in order; a dry run often ends up in a log, so without what is secret. */
const plannedObjects = ({ configMap, secret, claim, pod, snapshot }: CreatePlan): KubernetesObject[] => {
  const keys = Object.keys((secret?.data as Record<string, string> | undefined) ?? {});
  const withoutValues = { data: Object.fromEntries(keys.map((key) => [key, ''])) };
  return [configMap, ...(secret ? [{ ...secret, ...withoutValues }] : []), claim, pod, snapshot];
};

const checkNameIsFree = async (cluster: Cluster, name: string, signal: AbortSignal): Promise<void> => {
  const snapshot = objectNames(name).snapshot;
  if (!(await read(cluster, 'VolumeSnapshot', snapshot, { signal }))) return;
  throw new PreloadError(
    `volume snapshot "${snapshot}" already exists in namespace "${cluster.namespace}"`,
    `choose another name; to see what is there: ${USAGE_NAME} status -n ${cluster.namespace}`,
  );
};
