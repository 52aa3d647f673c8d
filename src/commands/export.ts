import type { Argv } from 'yargs';
import type { Context } from '../cli/context.ts';
import { duration } from '../cli/flags.ts';

export const command = ['export', 'e'];
export const describe = 'Capture images onto a mounted volume; create runs it in the cluster';

export const builder = (yargs: Argv) =>
  yargs
    .option('to', { type: 'string', requiresArg: true, default: '/snapshot', describe: 'Path to the snapshot volume' })
    .option('request', {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'File that says what to capture, gzipped JSON',
    })
    .option('root', { type: 'string', requiresArg: true, default: '/', describe: "Where the node's root is mounted" })
    .option('events', { type: 'boolean', default: false, describe: 'Report as JSON lines on standard output' })
    .option('hold', {
      type: 'string',
      requiresArg: true,
      coerce: duration('hold'),
      describe: 'How long to wait for the end signal once the volume is sealed',
    });

export type ExportOptions = Awaited<ReturnType<typeof builder>['argv']>;

export const handler = async (options: ExportOptions, context: Context): Promise<void> => {
  const { runExport } = await import('./run-export.ts');
  await runExport(options, context);
};
