import Table from 'cli-table3';
import { dump } from 'js-yaml';
import { plain } from '../model/parse.ts';

export const OUTPUTS = ['name', 'json', 'yaml'] as const;
export type Output = (typeof OUTPUTS)[number] | undefined;

/** A table as kubectl prints it: no borders, three spaces between columns, no trailing spaces, no control characters. */
export const formatTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const table = new Table({
    chars: Object.fromEntries(BORDERS.map((border) => [border, border === 'middle' ? '   ' : ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...[head, ...rows].map((row) => row.map(plain)));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
};

const BORDERS = [
  ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
];

export const formatJson = (value: unknown): string => JSON.stringify(value, null, 2);

export const formatYaml = (value: unknown): string => dump(value, { noRefs: true, lineWidth: -1 }).trimEnd();
