import type { Argv } from 'yargs';
import { connectionFlags, loaderImage, preloadName, TIMEOUT } from '../../cli/flags.ts';
import { TOOL, USAGE_NAME } from '../../model/names.ts';

export const command = 'verify [NAME]';
export const describe = 'Check everything on the volume of a preload, or on one that is mounted here';

export const builder = (yargs: Argv) =>
  loaderImage(connectionFlags(yargs))
    .positional('NAME', { type: 'string', coerce: preloadName, describe: 'Name of the preload' })
    .option('volume', {
      type: 'string',
      requiresArg: true,
      describe: 'Check the volume mounted at this path instead, such as /preload on a node',
    })
    .option('output', {
      alias: 'o',
      choices: ['json', 'yaml'] as const,
      requiresArg: true,
      describe: 'Output format; a table by default',
    })
    .option('node', { type: 'string', requiresArg: true, describe: 'Node to read the volume on; any by default' })
    .option('storage-class', {
      type: 'string',
      requiresArg: true,
      describe: "StorageClass of the snapshot's clone; one of the snapshot's driver by default",
    })
    .option('timeout', TIMEOUT)
    .option('events', { type: 'boolean', default: false, hidden: true })
    .example([
      [`# Mount a clone of the snapshot in a pod and check all of it\n${USAGE_NAME} verify nightly -n kube-system`, ''],
      [`# On a node that has the volume\n${TOOL} verify --volume /preload`, ''],
      [`# Everything that is damaged\n${USAGE_NAME} verify nightly -o json | jq .problems`, ''],
    ]);

export type VerifyOptions = Awaited<ReturnType<typeof builder>['argv']>;
