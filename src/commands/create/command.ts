import type { Argv } from 'yargs';
import { connectionFlags, EVENTS, invalidArgument, outputFlag, TIMEOUT, text, toggle } from '../../cli/flags.ts';
import { type Example, GROUPS, givenFlags } from '../../cli/help.ts';
import { UsageError } from '../../model/errors.ts';
import { isPrefix } from '../../model/generations.ts';
import { nameProblem, USAGE_NAME } from '../../model/names.ts';
import { parseQuantity } from '../../model/units.ts';
import { captureFlags, platform } from '../capture-flags.ts';
import { podFlags } from '../pod-flags.ts';
import { SOURCES, sourceFlags } from '../source-flags.ts';
import { images } from './arguments.ts';
import { snapshotFlags } from './snapshot-flags.ts';

export const command = 'create [NAME] [IMAGE...]';
export const describe = 'Capture container images into a volume snapshot';

export const examples: Example[] = [
  ['Capture all images in use in the cluster', `${USAGE_NAME} create nightly -n kube-system`],
  ['Capture two images', `${USAGE_NAME} create web nginx:1.27 redis:7`],
  [
    "Also capture the images in the node's cache, except those from one registry",
    `${USAGE_NAME} create all --from cluster,cache --exclude registry.example.com/`,
  ],
  [
    'Renew a preload every night, and keep the last seven; only what changed is captured',
    `${USAGE_NAME} create --generate-name nightly- --base nightly- --keep-last 7`,
  ],
  ['Create one preload for each platform of the nodes', `${USAGE_NAME} create nightly --all-platforms`],
  ['Capture the images of a Helm chart', `helm template ./chart | ${USAGE_NAME} create chart --from-file -`],
  ['Continue after this command was interrupted', `${USAGE_NAME} create nightly -n kube-system --resume`],
  ['Print only the name of the snapshot', `${USAGE_NAME} create web nginx:1.27 -o name`],
  ['Print what would be created', `${USAGE_NAME} create web nginx:1.27 --dry-run=client -o yaml`],
];

export const builder = (yargs: Argv) =>
  captureFlags(snapshotFlags(sourceFlags(podFlags(outputFlag(connectionFlags(yargs))))))
    .positional('NAME', { type: 'string', describe: 'Name of the preload' })
    .positional('IMAGE', { type: 'string', array: true, default: [], coerce: images, describe: 'Images to capture' })
    .option('node', text('Node to capture on; by default a ready one that has most of the images'))
    .option('platform', { ...text("Platform to capture; the node's by default"), coerce: platform })
    .option('all-platforms', toggle("Create one preload for each platform of the cluster's nodes, NAME-ARCHITECTURE"))
    .option('size', { ...text('Size of the volume; estimated by default'), coerce: size })
    .option('storage-class', text('StorageClass of the volume'))
    .option('snapshot-class', text('VolumeSnapshotClass of the snapshot'))
    .option('base', {
      ...text(
        'Older VolumeSnapshot to start from, or a prefix such as nightly- for the newest preload; captures only changes',
      ),
      coerce: base,
    })
    .option('strict', toggle('Fail if an image that was found cannot be captured'))
    .option('timeout', TIMEOUT)
    .option('wait', {
      type: 'boolean',
      default: true,
      describe: 'Wait until the snapshot can be used; if false, only until it is submitted',
    })
    .option('resume', toggle('Continue an interrupted run with its settings'))
    .option('keep', toggle('Keep the volume and, if possible, the loader pod'))
    .option('events', EVENTS)
    .option('report', text('File to write what a maintainer needs if create fails; without secrets'))
    .option('dry-run', {
      choices: ['none', 'client', 'server'] as const,
      default: 'none' as const,
      requiresArg: true,
      describe: 'If client, print the objects without sending them; if server, send them without storing them',
    })
    .option('quiet', { ...toggle('Print only the result, and errors'), alias: 'q' })
    .group([...SOURCES, 'force-pull', 'platform', 'all-platforms', 'base', 'strict'], GROUPS.what)
    .group(['node', 'size', 'storage-class', 'snapshot-class'], GROUPS.where)
    .group(
      [
        ...['copy', 'seed', 'parallel', 'max-rate', 'layout', 'one-tar-per-image'],
        ...['ctr-path', 'ctr-flags', 'containerd-path'],
        ...['timeout', 'wait', 'resume', 'keep', 'events', 'report'],
      ],
      GROUPS.how,
    )
    .check(({ resume, IMAGE }) => {
      const fixed = givenFlags(yargs).filter((flag) => !WITH_RESUME.includes(flag));
      const given = [...(IMAGE.length > 0 ? ['IMAGE'] : []), ...fixed.map((flag) => `--${flag}`)];
      if (!resume || given.length === 0) return true;
      throw new UsageError(`--resume continues a run with its settings, so it does not accept ${given.join(', ')}`);
    });

/** Not of the run, but of the command that continues it. */
const WITH_RESUME = [
  ...['resume', 'timeout', 'events', 'output', 'quiet', 'namespace', 'kubeconfig', 'context'],
  ...['as', 'as-group', 'as-uid', 'request-timeout'],
];

export type CreateOptions = Awaited<ReturnType<typeof builder>['argv']>;

const size = (text: string | undefined): string | undefined => {
  if (text !== undefined && parseQuantity(text) === undefined)
    throw invalidArgument('size', text, 'must be a quantity such as 10Gi');
  return text;
};

const base = (text: string | undefined): string | undefined => {
  const problem = text === undefined || !isPrefix(text) ? undefined : nameProblem(text.slice(0, -1));
  if (problem) throw invalidArgument('base', text ?? '', problem);
  return text;
};
