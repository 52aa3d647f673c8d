import type { Context } from '../../cli/context.ts';
import { pause } from '../../cluster/wait.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { preloadTable } from '../preload-table.ts';
import type { StatusOutput } from './command.ts';
import { formatStatus, statusColumns } from './format.ts';

interface Watch {
  output: StatusOutput;
  withNamespace: boolean;
  read: () => Promise<PreloadSummary[]>;
}

const INTERVAL = 2000;

/** Prints the preloads, and then each one that changes, until the signal of `context` is aborted. */
export const watchStatus = async ({ output, withNamespace, read }: Watch, context: Context): Promise<never> => {
  const { print, progress, signal, now } = context;
  const printed = new Map<string, string>();
  const isTable = output === undefined || output === 'wide';
  let known: PreloadSummary[] = [];
  let isFirst = true;
  for (;;) {
    const preloads = await read();
    const changed = preloads.filter((preload) => printed.get(keyOf(preload)) !== JSON.stringify(preload));
    for (const preload of changed) printed.set(keyOf(preload), JSON.stringify(preload));
    for (const gone of known.filter((old) => preloads.every((preload) => keyOf(preload) !== keyOf(old)))) {
      printed.delete(keyOf(gone));
      progress.note(`preload "${gone.name}" in namespace ${gone.namespace} was deleted`);
    }
    if (isTable && changed.length > 0) {
      // laid out together with those that are shown already, so that the columns stay where they are
      const rows = preloadTable([...known, ...changed], {
        now: now(),
        columns: statusColumns(output, withNamespace),
      }).split('\n');
      print([...(isFirst ? rows.slice(0, 1) : []), ...rows.slice(-changed.length)].join('\n'));
      isFirst = false;
    } else if (!isTable) {
      for (const preload of changed) print(document(preload, output, { now: now(), withNamespace }));
    }
    known = preloads;
    await pause(INTERVAL, signal);
  }
};

const document = (preload: PreloadSummary, output: StatusOutput, shown: { now: number; withNamespace: boolean }) =>
  `${output === 'yaml' ? '---\n' : ''}${formatStatus(preload, output, shown)}`;

const keyOf = ({ namespace, name }: PreloadSummary): string => `${namespace}/${name}`;
