import type { Argv } from 'yargs';
import { connectionFlags, EVENTS, preloadNameOrPrefix, TIMEOUT, text, toggle } from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';
import { TOOL, USAGE_NAME } from '../../model/names.ts';
import { podFlags } from '../pod-flags.ts';

export const command = 'verify [NAME]';
export const describe = 'Check all data on the volume of a preload, or on a volume that is mounted here';

export const examples: Example[] = [
  ['Mount a clone of the snapshot in a pod and check all of it', `${USAGE_NAME} verify nightly -n kube-system`],
  ['Check the volume on a node that has it', `${TOOL} verify --volume /preload`],
  ['List everything that is damaged', `${USAGE_NAME} verify nightly -o json | jq .problems`],
];

export const builder = (yargs: Argv) =>
  podFlags(connectionFlags(yargs))
    .positional('NAME', { type: 'string', coerce: preloadNameOrPrefix, describe: 'Name of the preload, or its prefix' })
    .option('volume', text('Check the volume that is mounted at this path instead, such as /preload on a node'))
    .option('output', {
      alias: 'o',
      choices: ['json', 'yaml'] as const,
      requiresArg: true,
      describe: 'Output format; a table by default',
    })
    .option(
      'without-record',
      toggle("Do not compare the volume with its record in the cluster, only with the volume's own checksums"),
    )
    .option('node', text('Node to read the volume on; any by default'))
    .option(
      'storage-class',
      text("StorageClass of the snapshot's clone; by default one that uses the snapshot's driver"),
    )
    .option('timeout', TIMEOUT)
    .option('events', EVENTS);

export type VerifyOptions = Awaited<ReturnType<typeof builder>['argv']>;
