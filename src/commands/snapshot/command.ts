import type { Argv } from 'yargs';
import { connectionFlags, invalidArgument, outputFlag, TIMEOUT } from '../../cli/flags.ts';
import { snapshotNameProblem, TOOL, USAGE_NAME } from '../../model/names.ts';

export const command = ['snapshot', 's'];
export const describe = 'Snapshot a claim that export has filled';

export const builder = (yargs: Argv) =>
  outputFlag(connectionFlags(yargs))
    .option('pvc', {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'PersistentVolumeClaim to snapshot',
    })
    .option('name', {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      coerce: name,
      describe: 'Name of the VolumeSnapshot to make',
    })
    .option('class', {
      type: 'string',
      requiresArg: true,
      describe: "VolumeSnapshotClass of the snapshot; the driver's default one by default",
    })
    .option('timeout', { ...TIMEOUT, describe: 'How long to wait for the snapshot' })
    // what scripts of old give to every command; nothing here calls ctr
    .option('ctr-path', { type: 'string', requiresArg: true, hidden: true })
    .option('ctr-flags', { type: 'string', requiresArg: true, hidden: true })
    .example([
      [
        `# Snapshot the claim that a pod has filled with ${TOOL} export\n${USAGE_NAME} snapshot --name nightly --pvc images`,
        '',
      ],
      [`# The snapshot ID alone\n${USAGE_NAME} snapshot --name nightly --pvc images -o json | jq -r .snapshotId`, ''],
    ]);

export type SnapshotOptions = Awaited<ReturnType<typeof builder>['argv']>;

const name = (text: string): string => {
  const problem = snapshotNameProblem(text);
  if (problem) throw invalidArgument('name', text, problem);
  return text;
};
