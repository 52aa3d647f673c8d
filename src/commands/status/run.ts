import type { Context } from '../../cli/context.ts';
import { connect } from '../../cluster/connection.ts';
import { listPreloads } from '../../cluster/preloads.ts';
import { ApiError, UsageError } from '../../model/errors.ts';
import { formatPreloads } from '../preload-table.ts';
import type { StatusOptions } from './command.ts';

export const runStatus = async (options: StatusOptions, context: Context): Promise<void> => {
  const { env, print, progress, signal, now } = context;
  const { NAME: name, allNamespaces, output } = options;
  if (name && allNamespaces) throw new UsageError('a preload cannot be retrieved by name across all namespaces');
  const cluster = await connect(options, env, progress.warn);
  const namespace = allNamespaces ? undefined : cluster.namespace;
  const preloads = await listPreloads(cluster, { namespace, name }, signal);
  const [first] = preloads;
  if (name && !first) throw new ApiError(404, 'NotFound', `preloads "${name}" not found`);
  if (first || output === 'json' || output === 'yaml') {
    print(formatPreloads(name && first ? first : preloads, output, { now: now(), withNamespace: allNamespaces }));
  } else {
    progress.note(`No resources found${namespace ? ` in ${namespace} namespace` : ''}.`);
  }
};
