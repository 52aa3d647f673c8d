import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { findPreload } from '../../cluster/find-preload.ts';
import { listPreloads } from '../../cluster/preloads.ts';
import { pause } from '../../cluster/wait.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { cellOf, preloadTable } from '../preload-table.ts';
import type { StatusOptions, StatusOutput } from './command.ts';
import { NO_USAGE, readUsage, withoutDrift, withUsage } from './coverage.ts';
import { formatStatus, statusColumns } from './format.ts';

const INTERVAL = 2000;
const LASTING = 30_000; // milliseconds for which a look at all pods of the cluster is enough

/** Prints the preloads, and then each one that changes, until the signal of `context` is aborted. */
export const watchStatus = async (cluster: Cluster, options: StatusOptions, context: Context): Promise<never> => {
  const { output, allNamespaces: withNamespace } = options;
  const { print, progress, signal, now } = context;
  const read = await createReader(cluster, options, context);
  const columns = output === undefined || output === 'wide' ? statusColumns(output, withNamespace) : undefined;
  const looks = (preload: PreloadSummary): string =>
    JSON.stringify(columns ? columns.map((column) => column !== 'AGE' && cellOf(column, preload, 0)) : preload);
  let known = new Map<string, PreloadSummary>();
  for (let isFirst = true; ; isFirst &&= known.size === 0) {
    const preloads = new Map((await read()).map((preload) => [`${preload.namespace}/${preload.name}`, preload]));
    for (const [key, { name, namespace }] of known) {
      if (!preloads.has(key)) progress.note(`preload "${name}" in namespace ${namespace} was deleted`);
    }
    const changed = [...preloads].flatMap(([key, preload]) => {
      const before = known.get(key);
      return before && looks(before) === looks(preload) ? [] : [preload];
    });
    if (columns && changed.length > 0) {
      // laid out together with those that are shown already, so that the columns stay where they are
      const rows = preloadTable([...known.values(), ...changed], { now: now(), columns }).split('\n');
      print([...(isFirst ? rows.slice(0, 1) : []), ...rows.slice(-changed.length)].join('\n'));
    } else if (!columns) {
      for (const preload of changed) print(asDocument(preload, output, { now: now(), withNamespace }));
    }
    known = preloads;
    await pause(INTERVAL, signal);
  }
};

const asDocument = (preload: PreloadSummary, output: StatusOutput, shown: { now: number; withNamespace: boolean }) =>
  `${output === 'yaml' ? '---\n' : ''}${formatStatus(preload, output, shown)}`;

/** Returns a function that reads the preloads again. Throws if the one that was asked for does not exist. */
const createReader = async (
  cluster: Cluster,
  { NAME, allNamespaces, selector: labels, output }: StatusOptions,
  { signal, now }: Context,
): Promise<() => Promise<PreloadSummary[]>> => {
  const name = NAME && (await findPreload(cluster, NAME, undefined, signal)).name;
  const which = { name, labels, namespace: allNamespaces ? undefined : cluster.namespace };
  let usage = NO_USAGE;
  let read = 0;
  let sets = '';
  return async () => {
    const found = await listPreloads(cluster, which, signal);
    const current = found.map(({ set }) => set).join();
    if (output !== 'name' && (current !== sets || now() - read > LASTING)) {
      usage = await readUsage(cluster, found, signal);
      [read, sets] = [now(), current];
    }
    return found.map((preload) => withoutDrift(withUsage(preload, usage)));
  };
};
