import type { Argv } from 'yargs';
import { connectionFlags, invalidArgument, preloadNameOrPrefix, text, toggle } from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';
import { type JsonPath, parseJsonPath } from '../../cli/jsonpath.ts';
import { USAGE_NAME } from '../../model/names.ts';

export const command = 'status [NAME]';
export const describe = 'Show preloads, and how much of what the cluster runs they cover';

export const examples: Example[] = [
  ['Show all preloads in the namespace', `${USAGE_NAME} status`],
  ['Show the newest of those that are renewed, and what it lacks', `${USAGE_NAME} status nightly-`],
  ['Print the snapshot ID of one preload', `${USAGE_NAME} status nightly -o jsonpath='{.snapshotId}'`],
  ['Fail if it lacks an image that is in use', `${USAGE_NAME} status nightly --require-coverage 100`],
  ['Print a row whenever a preload changes', `${USAGE_NAME} status --watch`],
];

const FORMATS = ['wide', 'name', 'json', 'yaml'] as const;
const JSONPATH = 'jsonpath=';

/** A format, or a template of kubectl's JSONPath. */
export type StatusOutput = (typeof FORMATS)[number] | { template: JsonPath } | undefined;

export const builder = (yargs: Argv) =>
  connectionFlags(yargs)
    .positional('NAME', {
      type: 'string',
      describe: 'Name of one preload, or a prefix such as nightly- for the newest that is ready',
      coerce: preloadNameOrPrefix<string | undefined>,
    })
    .option('output', {
      ...text(`Output format; a table by default; one of ${[...FORMATS, `${JSONPATH}TEMPLATE`].join(' | ')}`),
      alias: 'o',
      coerce: output,
    })
    .option('all-namespaces', { ...toggle('Show preloads in all namespaces'), alias: 'A' })
    .option('selector', {
      ...text('Show only preloads whose snapshot has these labels, such as team=shop'),
      alias: 'l',
    })
    .option('watch', { ...toggle('After showing them, print each preload that changes, until Ctrl-C'), alias: 'w' })
    .option('require-coverage', {
      ...text('Fail if a preload has less than this percentage of the images in use'),
      coerce: percent,
    });

export type StatusOptions = Awaited<ReturnType<typeof builder>['argv']>;

const output = (text: string | undefined): StatusOutput => {
  if (text === undefined) return undefined;
  const format = FORMATS.find((known) => known === text);
  if (format) return format;
  if (!text.startsWith(JSONPATH)) {
    throw invalidArgument('output', text, `must be one of ${[...FORMATS, `${JSONPATH}TEMPLATE`].join(', ')}`);
  }
  try {
    return { template: parseJsonPath(text.slice(JSONPATH.length)) };
  } catch (error) {
    throw invalidArgument('output', text, (error as Error).message);
  }
};

const percent = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (value > 0 && value <= 100) return value;
  throw invalidArgument('require-coverage', text, 'must be a percentage such as 100');
};
