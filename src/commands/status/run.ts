import type { Context } from '../../cli/context.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { findPreload } from '../../cluster/find-preload.ts';
import { listPreloads } from '../../cluster/preloads.ts';
import { UsageError } from '../../model/errors.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import type { StatusOptions } from './command.ts';
import { NO_USAGE, readUsage, withoutDrift, withUsage } from './coverage.ts';
import { formatStatus } from './format.ts';
import { withReason } from './reason.ts';
import { requireCoverage } from './require.ts';
import { watchStatus } from './watch.ts';

export const runStatus = async (options: StatusOptions, context: Context): Promise<void> => {
  const { env, print, progress, signal, now } = context;
  const { NAME: name, allNamespaces: withNamespace, output, watch, requireCoverage: percent } = options;
  checkFlags(options);
  const cluster = await connect(options, env, progress.warn);
  if (watch) return watchStatus(cluster, options, context);
  const preloads = await readPreloads(cluster, options, signal);
  const isCompared = output !== 'name' || percent !== undefined;
  const usage = isCompared ? await readUsage(cluster, preloads, signal) : NO_USAGE;
  const shown = preloads.map((preload) => withUsage(preload, usage));
  const [first] = shown;
  const isList = name === undefined;
  if (first || (output !== undefined && output !== 'name' && output !== 'wide')) {
    const list = shown.map(withoutDrift);
    print(formatStatus(isList || !first ? list : first, output, { now: now(), withNamespace }));
  } else {
    progress.note(`No resources found${withNamespace ? '' : ` in ${cluster.namespace} namespace`}.`);
  }
  if (percent !== undefined) requireCoverage(shown, percent);
};

const checkFlags = ({ NAME: name, allNamespaces, selector, watch, requireCoverage }: StatusOptions): void => {
  if (name && allNamespaces) throw new UsageError('a preload cannot be retrieved by name across all namespaces');
  if (name && selector) throw new UsageError('specify NAME or --selector, not both');
  if (watch && requireCoverage !== undefined) {
    throw new UsageError('specify --watch or --require-coverage, not both');
  }
};

const readPreloads = async (
  cluster: Cluster,
  { NAME: name, allNamespaces, selector: labels }: StatusOptions,
  signal: AbortSignal,
): Promise<PreloadSummary[]> => {
  if (name === undefined) {
    return listPreloads(cluster, { namespace: allNamespaces ? undefined : cluster.namespace, labels }, signal);
  }
  return [await withReason(cluster, await findPreload(cluster, name, undefined, signal), signal)];
};
