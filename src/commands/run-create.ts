import type { Context } from '../cli/context.ts';
import { formatDryRun } from '../cli/format-dry-run.ts';
import { formatPreloads } from '../cli/format-preloads.ts';
import { type Cluster, connect } from '../cluster/connection.ts';
import { read } from '../cluster/objects.ts';
import { checkLoaderAllowed, checkStorage } from '../cluster/preflight.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import { formatAge } from '../model/duration.ts';
import { PreloadError } from '../model/errors.ts';
import { objectNames, USAGE_NAME } from '../model/name.ts';
import type { CreateOptions } from './create.ts';
import { type CreatePlan, planCreate } from './create-plan.ts';
import { makePreload } from './make-preload.ts';

export const runCreate = async (options: CreateOptions, context: Context): Promise<void> => {
  const { progress } = context;
  const cluster = connect(options, progress.warn);
  const timeout = new AbortController();
  const tooLate = new PreloadError(`timed out after ${formatAge(options.timeout)}`, 'raise --timeout');
  const timer = setTimeout(() => timeout.abort(tooLate), options.timeout);
  const limited = { ...context, signal: AbortSignal.any([context.signal, timeout.signal]) };
  try {
    const plan = await planCreate(cluster, options, limited);
    if (options.dryRun === 'client') {
      context.print(formatDryRun(plannedObjects(plan), options.output));
      return;
    }
    await checkStorage(cluster, options, limited.signal);
    await checkNameIsFree(cluster, options.NAME, limited.signal);
    await checkLoaderAllowed(cluster, plan.pod, limited.signal);
    const summary = await makePreload(cluster, plan, options.keep, limited);
    context.print(formatPreloads(summary, options.output, context.now()));
  } catch (error) {
    progress.fail((error as Error).message);
    throw error;
  } finally {
    clearTimeout(timer);
  }
};

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
