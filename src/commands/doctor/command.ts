import type { Argv } from 'yargs';
import { connectionFlags, TIMEOUT, text } from '../../cli/flags.ts';
import { type Example, GROUPS } from '../../cli/help.ts';
import { USAGE_NAME } from '../../model/names.ts';
import { platform } from '../capture-flags.ts';
import { podFlags } from '../pod-flags.ts';

export const command = 'doctor';
export const describe = 'Check for everything that makes create fail, or preloading useless';

export const examples: Example[] = [
  ['Check the cluster before the first preload', `${USAGE_NAME} doctor -n kube-system`],
  ['Check what create would use with these flags', `${USAGE_NAME} doctor --storage-class fast --node worker-1`],
  [
    'Print everything that is not as it should be',
    `${USAGE_NAME} doctor -o json | jq '.checks[] | select(.status != "ok")'`,
  ],
];

export const builder = (yargs: Argv) =>
  podFlags(connectionFlags(yargs))
    .option('node', text('Node to capture on'))
    .option('platform', { ...text('Platform to capture'), coerce: platform })
    .option('storage-class', text('StorageClass of the volume'))
    .option('snapshot-class', text('VolumeSnapshotClass of the snapshot'))
    .option('output', {
      alias: 'o',
      choices: ['json', 'yaml'] as const,
      requiresArg: true,
      describe: 'Output format; a table by default',
    })
    .option('timeout', { ...TIMEOUT, default: '2m' })
    .group(['node', 'platform', 'storage-class', 'snapshot-class'], GROUPS.where);

export type DoctorOptions = Awaited<ReturnType<typeof builder>['argv']>;
