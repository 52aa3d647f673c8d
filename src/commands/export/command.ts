import type { Argv } from 'yargs';
import { duration, text, toggle } from '../../cli/flags.ts';
import { type Example, GROUPS } from '../../cli/help.ts';
import { TOOL } from '../../model/names.ts';
import { captureFlags, platform } from '../capture-flags.ts';

export const command = ['export', 'e'];
export const describe = 'Capture images to a mounted volume, in a pod or on a node; create runs it in the cluster';

export const examples: Example[] = [
  ["In a pod that has the node's root at /host", `${TOOL} export --root /host`],
  ['On a node, capture a list of images', `${TOOL} export --to /mnt/volume --stdin < images.txt`],
];

export const builder = (yargs: Argv) =>
  captureFlags(yargs)
    .option('to', { ...text('Path of the mounted volume'), default: '/snapshot' })
    .option('force', toggle('Also use a folder that is not a mount point or holds other files, which are deleted'))
    .option('cache-only', toggle("Capture only images in the node's cache; do not list the workloads in the cluster"))
    .option('stdin', toggle('Read the image list from standard input, one image per line'))
    .option('restore-script', {
      type: 'boolean',
      default: true,
      describe: 'Write restore.sh to the volume; --no-restore-script leaves it out',
    })
    .option('platform', { ...text("Platform to capture; this machine's by default"), coerce: platform })
    .option('root', { ...text("Path of the node's root"), default: '/' })
    .option('debug', toggle('Log every command that runs on the node'))
    .option('request', { type: 'string', requiresArg: true, hidden: true })
    .option('pull-secrets', { type: 'string', requiresArg: true, hidden: true })
    .option('events', toggle('Report events as JSON lines on standard output'))
    .option('plan-only', { type: 'boolean', hidden: true })
    .option('hold', { type: 'string', requiresArg: true, coerce: duration('hold'), hidden: true })
    .group(['cache-only', 'stdin', 'exclude', 'force-pull', 'platform'], GROUPS.what)
    .group(['to', 'force', 'root'], GROUPS.where)
    .group(
      [
        'copy',
        'seed',
        'parallel',
        'max-rate',
        'layout',
        'one-tar-per-image',
        'ctr-path',
        'ctr-flags',
        'containerd-path',
        'restore-script',
      ],
      GROUPS.how,
    );

export type ExportOptions = Awaited<ReturnType<typeof builder>['argv']>;
