import type { Argv } from 'yargs';
import {
  connectionFlags,
  EVENTS,
  invalidArgument,
  outputFlag,
  preloadName,
  TIMEOUT,
  text,
  toggle,
} from '../../cli/flags.ts';
import { type Example, GROUPS, givenFlags } from '../../cli/help.ts';
import { UsageError } from '../../model/errors.ts';
import { type ImageReference, imageName, parseImage } from '../../model/image-reference.ts';
import { USAGE_NAME } from '../../model/names.ts';
import { parseQuantity } from '../../model/units.ts';
import { captureFlags, platform } from '../capture-flags.ts';
import { podFlags } from '../pod-flags.ts';

export const command = 'create NAME [IMAGE...]';
export const describe = 'Capture container images into a volume snapshot';

export const examples: Example[] = [
  ['Capture all images in use in the cluster', `${USAGE_NAME} create nightly -n kube-system`],
  ['Capture two images', `${USAGE_NAME} create web nginx:1.27 redis:7`],
  [
    "Also capture the images in the node's cache, except those from one registry",
    `${USAGE_NAME} create all --from cluster,cache --exclude registry.example.com/`,
  ],
  ['Continue after this command was interrupted', `${USAGE_NAME} create nightly -n kube-system --resume`],
  ['Print only the name of the snapshot', `${USAGE_NAME} create web nginx:1.27 -o name`],
  ['Print what would be created', `${USAGE_NAME} create web nginx:1.27 --dry-run=client -o yaml`],
];

export const builder = (yargs: Argv) =>
  captureFlags(podFlags(outputFlag(connectionFlags(yargs))))
    .positional('NAME', {
      type: 'string',
      demandOption: true,
      coerce: preloadName<string>,
      describe: 'Name of the preload',
    })
    .positional('IMAGE', { type: 'string', array: true, default: [], coerce: images, describe: 'Images to capture' })
    .option('from', {
      choices: ['cluster', 'cache', 'cluster,cache'] as const,
      requiresArg: true,
      describe: "Where to look for images if none are given: in use in the cluster, in the node's cache, or both",
      defaultDescription: 'cluster',
    })
    .option('node', text('Node to capture on; by default a ready one that has most of the images'))
    .option('platform', { ...text("Platform to capture; the node's by default"), coerce: platform })
    .option('size', { ...text('Size of the volume; estimated by default'), coerce: size })
    .option('storage-class', text('StorageClass of the volume'))
    .option('snapshot-class', text('VolumeSnapshotClass of the snapshot'))
    .option('base', text('Older VolumeSnapshot to start from; only changes are captured'))
    .option('strict', toggle('Fail if an image that was found cannot be captured'))
    .option('timeout', TIMEOUT)
    .option('resume', toggle('Continue an interrupted run with its settings'))
    .option('keep', toggle('Keep the volume and, if possible, the loader pod'))
    .option('events', EVENTS)
    .option('report', text('File to write what a maintainer needs if create fails; without secrets'))
    .option('dry-run', {
      choices: ['none', 'client'] as const,
      default: 'none' as const,
      requiresArg: true,
      describe: 'If client, print the objects without sending them',
    })
    .group(['from', 'exclude', 'force-pull', 'platform', 'base', 'strict'], GROUPS.what)
    .group(['node', 'size', 'storage-class', 'snapshot-class'], GROUPS.where)
    .group(
      [
        ...['copy', 'seed', 'parallel', 'max-rate', 'layout', 'one-tar-per-image'],
        ...['ctr-path', 'ctr-flags', 'containerd-path'],
        ...['timeout', 'resume', 'keep', 'events', 'report'],
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
  ...['resume', 'timeout', 'events', 'output', 'namespace', 'kubeconfig', 'context'],
  ...['as', 'as-group', 'as-uid', 'request-timeout'],
];

export type CreateOptions = Awaited<ReturnType<typeof builder>['argv']>;

const images = (texts: string[]): ImageReference[] => [
  ...new Map(
    texts.map((text) => {
      const image = parseImage(text);
      if (!image)
        throw new UsageError(
          `invalid image "${text}": expected a reference such as nginx:1.27 or registry.example.com/team/app@sha256:…`,
        );
      return [imageName(image), image];
    }),
  ).values(),
];

const size = (text: string | undefined): string | undefined => {
  if (text !== undefined && parseQuantity(text) === undefined)
    throw invalidArgument('size', text, 'must be a quantity such as 10Gi');
  return text;
};
