import type { Argv } from 'yargs';
import { connectionFlags, outputFlag } from '../../cli/flags.ts';
import { USAGE_NAME } from '../../model/names.ts';

export const command = 'status [NAME]';
export const describe = 'Show preloads, their phase and their snapshot ID';

export const builder = (yargs: Argv) =>
  outputFlag(connectionFlags(yargs))
    .positional('NAME', { type: 'string', describe: 'Name of one preload' })
    .option('all-namespaces', {
      alias: 'A',
      type: 'boolean',
      default: false,
      describe: 'Show preloads of all namespaces',
    })
    .example([
      [`# Show all preloads of the namespace\n${USAGE_NAME} status`, ''],
      [`# The snapshot ID of one\n${USAGE_NAME} status nightly -o json | jq -r .snapshotId`, ''],
    ]);

export type StatusOptions = Awaited<ReturnType<typeof builder>['argv']>;
