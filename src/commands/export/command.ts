import type { Argv } from 'yargs';
import { duration } from '../../cli/flags.ts';
import { TOOL } from '../../model/names.ts';
import { captureFlags } from '../capture-flags.ts';

export const command = ['export', 'e'];
export const describe = 'Capture images onto a mounted volume, in a pod or on a node; create runs it in the cluster';

export const builder = (yargs: Argv) =>
  captureFlags(yargs)
    .option('to', { type: 'string', requiresArg: true, default: '/snapshot', describe: 'Path to the snapshot volume' })
    .option('force', {
      type: 'boolean',
      default: false,
      describe: 'Also use a folder that is not a mount point or holds other files, which are deleted',
    })
    .option('cache-only', {
      type: 'boolean',
      default: false,
      describe: 'Only capture images of the local cache, do not list workloads of the cluster',
    })
    .option('stdin', {
      type: 'boolean',
      default: false,
      describe: 'Read the image list from standard input, one a line',
    })
    .option('restore-script', { type: 'boolean', default: true, describe: 'Write restore.sh to the volume' })
    .option('platform', {
      type: 'string',
      requiresArg: true,
      describe: "Platform to capture; this machine's by default",
    })
    .option('root', { type: 'string', requiresArg: true, default: '/', describe: "Where the node's root is mounted" })
    .option('debug', { type: 'boolean', default: false, describe: 'Log every command that is run' })
    .option('request', { type: 'string', requiresArg: true, hidden: true })
    .option('pull-secrets', { type: 'string', requiresArg: true, hidden: true })
    .option('events', { type: 'boolean', default: false, describe: 'Report as JSON lines on standard output' })
    .option('hold', { type: 'string', requiresArg: true, coerce: duration('hold'), hidden: true })
    .example([
      [`# In a pod that has the node's root at /host\n${TOOL} export --root /host`, ''],
      [`# On a node, a list of images\n${TOOL} export --to /mnt/volume --stdin < images.txt`, ''],
    ]);

export type ExportOptions = Awaited<ReturnType<typeof builder>['argv']>;
