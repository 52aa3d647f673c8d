import type { Argv } from 'yargs';
import { connectionFlags, invalidArgument, loaderImage, outputFlag, preloadName, TIMEOUT } from '../../cli/flags.ts';
import { UsageError } from '../../model/errors.ts';
import { imageName, parseImage } from '../../model/image-reference.ts';
import { USAGE_NAME } from '../../model/names.ts';
import { parseQuantity } from '../../model/units.ts';
import { captureFlags } from '../capture-flags.ts';

export const command = 'create NAME [IMAGE...]';
export const describe = 'Capture container images into a volume snapshot';

export const builder = (yargs: Argv) =>
  captureFlags(loaderImage(outputFlag(connectionFlags(yargs))))
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
      describe: "Where to find images when none is named: in use in the cluster, in the node's cache, or both",
      defaultDescription: 'cluster',
    })
    .option('node', {
      type: 'string',
      requiresArg: true,
      describe: 'Node to capture on; the one with the most images by default',
    })
    .option('platform', {
      type: 'string',
      requiresArg: true,
      coerce: platform,
      describe: "Platform to capture; the node's by default",
    })
    .option('size', {
      type: 'string',
      requiresArg: true,
      coerce: size,
      describe: 'Size of the volume; estimated by default',
    })
    .option('storage-class', { type: 'string', requiresArg: true, describe: 'StorageClass of the volume' })
    .option('snapshot-class', { type: 'string', requiresArg: true, describe: 'VolumeSnapshotClass of the snapshot' })
    .option('base', {
      type: 'string',
      requiresArg: true,
      describe: 'Older VolumeSnapshot to start from: only what changed is captured',
    })
    .option('strict', {
      type: 'boolean',
      default: false,
      describe: 'Fail when an image that was found cannot be captured',
    })
    .option('timeout', TIMEOUT)
    .option('keep', { type: 'boolean', default: false, describe: 'Keep the loader pod and the volume' })
    .option('dry-run', {
      choices: ['none', 'client'] as const,
      default: 'none' as const,
      requiresArg: true,
      describe: 'client: print the objects and send nothing',
    })
    .example([
      [`# Capture all images in use in the cluster\n${USAGE_NAME} create nightly -n kube-system`, ''],
      [`# Capture two images\n${USAGE_NAME} create web nginx:1.27 redis:7`, ''],
      [
        `# Also what only the node's cache has, but nothing of one registry\n${USAGE_NAME} create all --from cluster,cache --exclude registry.example.com/`,
        '',
      ],
      [`# The name of the snapshot alone\n${USAGE_NAME} create web nginx:1.27 -o name`, ''],
      [`# See what would be made\n${USAGE_NAME} create web nginx:1.27 --dry-run=client -o yaml`, ''],
    ]);

export type CreateOptions = Awaited<ReturnType<typeof builder>['argv']>;

const images = (texts: string[]): string[] => [
  ...new Set(
    texts.map((text) => {
      const image = parseImage(text);
      if (!image)
        throw new UsageError(
          `invalid image "${text}": expected a reference such as nginx:1.27 or registry.example.com/team/app@sha256:…`,
        );
      return imageName(image);
    }),
  ),
];

const platform = (text: string | undefined): string | undefined => {
  if (text !== undefined && !/^linux\/[a-z0-9]+$/.test(text))
    throw invalidArgument('platform', text, 'must be linux/ARCHITECTURE, such as linux/amd64');
  return text;
};

const size = (text: string | undefined): string | undefined => {
  if (text !== undefined && parseQuantity(text) === undefined)
    throw invalidArgument('size', text, 'must be a quantity such as 10Gi');
  return text;
};
