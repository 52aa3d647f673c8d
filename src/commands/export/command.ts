import type { Argv } from 'yargs';
import { duration } from '../../cli/flags.ts';
import { type Example, GROUPS } from '../../cli/help.ts';
import { TOOL } from '../../model/names.ts';
import { captureFlags } from '../capture-flags.ts';

export const command = ['export', 'e'];
export const describe = 'Capture images to a mounted volume, in a pod or on a node; create runs it in the cluster';

export const examples: Example[] = [
  ["In a pod that has the node's root at /host", `${TOOL} export --root /host`],
  ['On a node, capture a list of images', `${TOOL} export --to /mnt/volume --stdin < images.txt`],
];

export const builder = (yargs: Argv) =>
  captureFlags(yargs)
    .option('to', { type: 'string', requiresArg: true, default: '/snapshot', describe: 'Path of the mounted volume' })
    .option('force', {
      type: 'boolean',
      default: false,
      describe: 'Also use a folder that is not a mount point or holds other files, which are deleted',
    })
    .option('cache-only', {
      type: 'boolean',
      default: false,
      describe: "Capture only images in the node's cache; do not list the workloads in the cluster",
    })
    .option('stdin', {
      type: 'boolean',
      default: false,
      describe: 'Read the image list from standard input, one image per line',
    })
    .option('restore-script', { type: 'boolean', default: true, describe: 'Write restore.sh to the volume' })
    .option('platform', {
      type: 'string',
      requiresArg: true,
      describe: "Platform to capture; this machine's by default",
    })
    .option('root', { type: 'string', requiresArg: true, default: '/', describe: "Path of the node's root" })
    .option('debug', { type: 'boolean', default: false, describe: 'Log every command that runs on the node' })
    .option('request', { type: 'string', requiresArg: true, hidden: true })
    .option('pull-secrets', { type: 'string', requiresArg: true, hidden: true })
    .option('events', { type: 'boolean', default: false, describe: 'Report events as JSON lines on standard output' })
    .option('hold', { type: 'string', requiresArg: true, coerce: duration('hold'), hidden: true })
    .group(['cache-only', 'stdin', 'exclude', 'force-pull', 'platform'], GROUPS.what)
    .group(['to', 'force', 'root'], GROUPS.where)
    .group(
      ['parallel', 'layout', 'one-tar-per-image', 'ctr-path', 'ctr-flags', 'containerd-path', 'restore-script'],
      GROUPS.how,
    );

export type ExportOptions = Awaited<ReturnType<typeof builder>['argv']>;
