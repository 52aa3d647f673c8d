import { asDocument, asListDocument } from '../cli/document.ts';
import { formatJson, formatTable, formatYaml, type Output } from '../cli/output.ts';
import { SNAPSHOT_GROUP } from '../model/names.ts';
import type { PreloadSummary } from '../model/summary.ts';
import { formatAge, formatBytes } from '../model/units.ts';

type Cell = (preload: PreloadSummary, now: number) => string;

const isReady = ({ phase }: PreloadSummary): boolean => phase === 'Ready';
const absent = (preload: PreloadSummary): string => (isReady(preload) ? '<unknown>' : '<none>');

const CELLS = {
  NAMESPACE: ({ namespace }) => namespace,
  NAME: ({ name }) => name,
  READY: (preload) => (isReady(preload) ? 'True' : 'False'),
  PHASE: ({ phase }) => phase,
  IMAGES: (preload) => (preload.images ? `${preload.images.length}${preload.incomplete ? '+' : ''}` : absent(preload)),
  SIZE: (preload) => (preload.size === undefined ? absent(preload) : formatBytes(preload.size)),
  COVERAGE: ({ coverage, images }) => {
    if (coverage) return `${coverage.present}/${coverage.inUse}`;
    return images ? '<unknown>' : '<none>';
  },
  'SNAPSHOT-ID': (preload) =>
    preload.snapshotId ?? (isReady(preload) ? '<unknown>' : `<${preload.phase.toLowerCase()}>`),
  PLATFORM: (preload) => preload.platform ?? absent(preload),
  NODES: ({ nodes, set }) => (nodes === undefined ? (set ? '<unknown>' : '<none>') : String(nodes)),
  AGE: ({ created }, now) => formatAge(now - Date.parse(created)),
} satisfies Record<string, Cell>;

export type Column = keyof typeof CELLS;

const COLUMNS: Column[] = ['NAME', 'READY', 'PHASE', 'IMAGES', 'SIZE', 'SNAPSHOT-ID', 'AGE'];

export interface Shown {
  /** milliseconds */
  now: number;
  columns?: readonly Column[];
}

/** Text of a cell; `now` in milliseconds. */
export const cellOf = (column: Column, preload: PreloadSummary, now: number): string => CELLS[column](preload, now);

/** A table of preloads. */
export const preloadTable = (preloads: readonly PreloadSummary[], { now, columns = COLUMNS }: Shown): string =>
  formatTable(
    columns,
    preloads.map((preload) => columns.map((column) => cellOf(column, preload, now))),
  );

export const preloadName = ({ name }: PreloadSummary): string => `volumesnapshot.${SNAPSHOT_GROUP}/${name}`;

/** As -o json and -o yaml print them. */
export const preloadDocument = (preloads: PreloadSummary[] | PreloadSummary) =>
  Array.isArray(preloads) ? asListDocument('Preload', preloads) : asDocument('Preload', preloads);

/** Text for a list of preloads, or for one. */
export const formatPreloads = (preloads: PreloadSummary[] | PreloadSummary, output: Output, shown: Shown): string => {
  if (output === 'json') return formatJson(preloadDocument(preloads));
  if (output === 'yaml') return formatYaml(preloadDocument(preloads));
  const all = [preloads].flat();
  return output === 'name' ? all.map(preloadName).join('\n') : preloadTable(all, shown);
};
