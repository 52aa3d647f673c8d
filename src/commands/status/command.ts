import type { Argv } from 'yargs';
import { connectionFlags, outputFlag, toggle } from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';
import { USAGE_NAME } from '../../model/names.ts';

export const command = 'status [NAME]';
export const describe = 'Show preloads, their phase and their snapshot ID';

export const examples: Example[] = [
  ['Show all preloads in the namespace', `${USAGE_NAME} status`],
  ['Print the snapshot ID of one preload', `${USAGE_NAME} status nightly -o json | jq -r .snapshotId`],
];

export const builder = (yargs: Argv) =>
  outputFlag(connectionFlags(yargs))
    .positional('NAME', { type: 'string', describe: 'Name of one preload' })
    .option('all-namespaces', { ...toggle('Show preloads in all namespaces'), alias: 'A' });

export type StatusOptions = Awaited<ReturnType<typeof builder>['argv']>;
