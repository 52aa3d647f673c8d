import type { Argv } from 'yargs';
import { connectionFlags, EVENTS, invalidArgument, outputFlag, TIMEOUT, text } from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';
import { snapshotNameProblem, TOOL, USAGE_NAME } from '../../model/names.ts';

export const command = ['snapshot', 's'];
export const describe = 'Snapshot a claim that export has filled';

export const examples: Example[] = [
  [
    `Snapshot the claim that a pod has filled with ${TOOL} export`,
    `${USAGE_NAME} snapshot --name nightly --pvc images`,
  ],
  ['Print only the snapshot ID', `${USAGE_NAME} snapshot --name nightly --pvc images -o json | jq -r .snapshotId`],
];

export const builder = (yargs: Argv) =>
  outputFlag(connectionFlags(yargs))
    .option('pvc', { ...text('PersistentVolumeClaim to snapshot'), demandOption: true })
    .option('name', { ...text('Name of the VolumeSnapshot to create'), demandOption: true, coerce: name })
    .option('class', text("VolumeSnapshotClass of the snapshot; by default the driver's default class"))
    .option('timeout', { ...TIMEOUT, describe: 'Time limit for the snapshot' })
    .option('events', EVENTS)
    // old scripts pass these to every command; nothing here calls ctr
    .option('ctr-path', { type: 'string', requiresArg: true, hidden: true })
    .option('ctr-flags', { type: 'string', requiresArg: true, hidden: true });

export type SnapshotOptions = Awaited<ReturnType<typeof builder>['argv']>;

const name = (text: string): string => {
  const problem = snapshotNameProblem(text);
  if (problem) throw invalidArgument('name', text, problem);
  return text;
};
