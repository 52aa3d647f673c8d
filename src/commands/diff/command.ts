import type { Argv } from 'yargs';
import { connectionFlags, outputFlag, preloadNameOrPrefix } from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';
import { USAGE_NAME } from '../../model/names.ts';

export const command = 'diff NAME [OTHER]';
export const describe = 'Show what changed between two preloads, or between a preload and the cluster';

export const examples: Example[] = [
  ['Show what a new capture would change', `${USAGE_NAME} diff nightly-`],
  ['Compare two preloads', `${USAGE_NAME} diff nightly-20261126-013000 nightly-20261127-013000`],
  ['Tell whether a preload is up to date', `${USAGE_NAME} diff nightly >/dev/null && echo up to date`],
];

export const builder = (yargs: Argv) =>
  outputFlag(connectionFlags(yargs), ['wide'])
    .positional('NAME', {
      type: 'string',
      demandOption: true,
      describe: 'Name of a preload, or a prefix such as nightly- for the newest that is ready',
      coerce: preloadNameOrPrefix<string>,
    })
    .positional('OTHER', {
      type: 'string',
      describe: 'The preload to compare it with; by default what create would capture now',
      coerce: preloadNameOrPrefix<string | undefined>,
    });

export type DiffOptions = Awaited<ReturnType<typeof builder>['argv']>;
