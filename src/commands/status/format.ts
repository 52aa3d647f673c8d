import { evaluateJsonPath } from '../../cli/jsonpath.ts';
import { formatJson, formatYaml } from '../../cli/output.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { type Column, preloadDocument, preloadName, preloadTable } from '../preload-table.ts';
import type { StatusOutput } from './command.ts';
import { describePreload } from './describe.ts';

interface Shown {
  /** milliseconds */
  now: number;
  withNamespace: boolean;
}

/** Text for a list of preloads, or for one, which a person gets in full. */
export const formatStatus = (
  preloads: PreloadSummary[] | PreloadSummary,
  output: StatusOutput,
  { now, withNamespace }: Shown,
): string => {
  if (output === undefined && !Array.isArray(preloads)) return describePreload(preloads, now);
  const all = [preloads].flat();
  if (output === 'name') return all.map(preloadName).join('\n');
  if (output === undefined || output === 'wide') {
    return preloadTable(all, { now, columns: statusColumns(output, withNamespace) });
  }
  const document = preloadDocument(preloads);
  if (output === 'json') return formatJson(document);
  if (output === 'yaml') return formatYaml(document);
  return evaluateJsonPath(output.template, document).replace(/\n$/, '');
};

const COLUMNS: Column[] = ['NAME', 'READY', 'IMAGES', 'SIZE', 'COVERAGE', 'SNAPSHOT-ID', 'AGE'];
const WIDE: Column[] = [
  ...(['NAME', 'READY', 'PHASE', 'IMAGES', 'SIZE', 'COVERAGE'] as const),
  ...(['NODES', 'PLATFORM', 'SNAPSHOT-ID', 'AGE'] as const),
];

export const statusColumns = (output: StatusOutput, withNamespace: boolean): Column[] => [
  ...(withNamespace ? (['NAMESPACE'] as const) : []),
  ...(output === 'wide' ? WIDE : COLUMNS),
];
