import type { Argv } from 'yargs';
import { connectionFlags, text } from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';

// What the pods of `recipe daemonset` run; no verb for people.
export const command = 'fill';
export const describe = false;
export const examples: Example[] = [];

export const builder = (yargs: Argv) =>
  connectionFlags(yargs)
    .option('node', { ...text('Name of the node that this pod runs on'), demandOption: true })
    .option('set', { ...text('ID of the contents'), demandOption: true })
    .option('expect', { ...text("Digest of the volume's preload.json"), demandOption: true })
    .option('volume', { ...text('Path of the mounted volume'), demandOption: true })
    .option('root', { ...text("Path of the node's root"), demandOption: true });

export type FillOptions = Awaited<ReturnType<typeof builder>['argv']>;
