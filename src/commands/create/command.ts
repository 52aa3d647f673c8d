import type { Argv } from 'yargs';
import { connectionFlags, invalidArgument, outputFlag, preloadName, TIMEOUT, text, toggle } from '../../cli/flags.ts';
import { type Example, GROUPS, givenFlags } from '../../cli/help.ts';
import { UsageError } from '../../model/errors.ts';
import { isPrefix, prefixProblem } from '../../model/generations.ts';
import { type ImageReference, imageName, parseImage } from '../../model/image-reference.ts';
import { annotationProblem, fitsObject, labelProblem } from '../../model/metadata.ts';
import { nameProblem, USAGE_NAME } from '../../model/names.ts';
import { parseQuantity } from '../../model/units.ts';
import { captureFlags, platform } from '../capture-flags.ts';
import { podFlags } from '../pod-flags.ts';

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
  ['Continue after this command was interrupted', `${USAGE_NAME} create nightly -n kube-system --resume`],
  ['Print only the name of the snapshot', `${USAGE_NAME} create web nginx:1.27 -o name`],
  ['Print what would be created', `${USAGE_NAME} create web nginx:1.27 --dry-run=client -o yaml`],
];

export const builder = (yargs: Argv) =>
  captureFlags(podFlags(outputFlag(connectionFlags(yargs))))
    .positional('NAME', { type: 'string', describe: 'Name of the preload' })
    .positional('IMAGE', { type: 'string', array: true, default: [], coerce: images, describe: 'Images to capture' })
    .option('from', {
      choices: ['cluster', 'cache', 'cluster,cache'] as const,
      requiresArg: true,
      describe: "Where to look for images if none are given: in use in the cluster, in the node's cache, or both",
      defaultDescription: 'cluster',
    })
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
    .option('generate-name', {
      ...text('Prefix such as nightly-; the name of the preload is this and the time'),
      coerce: generateName,
    })
    .option('keep-last', {
      ...text(
        'Once the preload is ready, delete older ones with its prefix and platform; N stay, the new one included',
      ),
      coerce: keepLast,
    })
    .option(
      'retain',
      toggle('Set deletionPolicy Retain, so that the storage keeps its snapshot if the VolumeSnapshot is deleted'),
    )
    .option('label', {
      ...text('Label KEY=VALUE of the VolumeSnapshot; can be repeated'),
      array: true,
      default: [],
      coerce: labels,
    })
    .option('annotation', {
      ...text('Annotation KEY=VALUE of the VolumeSnapshot; can be repeated'),
      array: true,
      default: [],
      coerce: annotations,
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
    .option('report', text('File to write what a maintainer needs if create fails; without secrets'))
    .option('dry-run', {
      choices: ['none', 'client', 'server'] as const,
      default: 'none' as const,
      requiresArg: true,
      describe: 'If client, print the objects without sending them; if server, send them without storing them',
    })
    .option('quiet', { ...toggle('Print only the result, and errors'), alias: 'q' })
    .group(['from', 'exclude', 'force-pull', 'platform', 'all-platforms', 'base', 'strict'], GROUPS.what)
    .group(['node', 'size', 'storage-class', 'snapshot-class'], GROUPS.where)
    .group(
      [
        ...['copy', 'seed', 'parallel', 'max-rate', 'layout', 'one-tar-per-image'],
        ...['ctr-path', 'ctr-flags', 'containerd-path'],
        ...['timeout', 'wait', 'resume', 'keep', 'report'],
      ],
      GROUPS.how,
    )
    .group(['generate-name', 'keep-last', 'retain', 'label', 'annotation'], GROUPS.snapshot)
    .check(({ resume, IMAGE }) => {
      const fixed = givenFlags(yargs).filter((flag) => !WITH_RESUME.includes(flag));
      const given = [...(IMAGE.length > 0 ? ['IMAGE'] : []), ...fixed.map((flag) => `--${flag}`)];
      if (!resume || given.length === 0) return true;
      throw new UsageError(`--resume continues a run with its settings, so it does not accept ${given.join(', ')}`);
    });

/** Not of the run, but of the command that continues it. */
const WITH_RESUME = [
  ...['resume', 'timeout', 'output', 'quiet', 'namespace', 'kubeconfig', 'context'],
  ...['as', 'as-group', 'as-uid', 'request-timeout'],
];

export type CreateOptions = Awaited<ReturnType<typeof builder>['argv']>;

/** What the arguments name: a preload and images, or only images if the name is generated. */
export const readArguments = ({
  NAME,
  IMAGE,
  generateName,
  resume,
}: Pick<CreateOptions, 'NAME' | 'IMAGE' | 'generateName' | 'resume'>): {
  NAME: string | undefined;
  IMAGE: ImageReference[];
} => {
  if (generateName === undefined || resume) {
    if (NAME === undefined) throw new UsageError('specify NAME or --generate-name');
    return { NAME: preloadName(NAME), IMAGE };
  }
  if (NAME === undefined) return { NAME, IMAGE };
  if (!nameProblem(NAME))
    throw new UsageError(`specify NAME or --generate-name, not both; if "${NAME}" is an image, write ${NAME}:latest`);
  return { NAME: undefined, IMAGE: distinct([...images([NAME]), ...IMAGE]) };
};

const distinct = (found: readonly ImageReference[]): ImageReference[] => [
  ...new Map(found.map((image) => [imageName(image), image])).values(),
];

const images = (texts: string[]): ImageReference[] =>
  distinct(
    texts.map((text) => {
      const image = parseImage(text);
      if (image) return image;
      throw new UsageError(
        `invalid image "${text}": expected a reference such as nginx:1.27 or registry.example.com/team/app@sha256:…`,
      );
    }),
  );

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

const generateName = (text: string | undefined): string | undefined => {
  const problem = text === undefined ? undefined : prefixProblem(text);
  if (problem) throw invalidArgument('generate-name', text ?? '', problem);
  return text;
};

const keepLast = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw invalidArgument('keep-last', text, 'must be a number of at least 1');
};

const labels = (texts: string | string[]) => keyValues('label', texts, labelProblem);

const annotations = (texts: string | string[]) => {
  const found = keyValues('annotation', texts, annotationProblem);
  if (fitsObject(found ?? {})) return found;
  throw new UsageError('the annotations are too long: they must have at most 256Ki characters together');
};

/** Values of a flag that can be repeated; only one if it comes from the environment. Undefined if there are none. */
const keyValues = (
  flag: string,
  texts: string | string[],
  problemOf: (key: string, value: string) => string | undefined,
): Record<string, string> | undefined => {
  const pairs = [texts].flat().map((text) => {
    const [, key = '', value] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    const problem = value === undefined ? 'must be KEY=VALUE' : problemOf(key, value);
    if (problem) throw invalidArgument(flag, text, problem);
    return [key, value ?? ''] as const;
  });
  return pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
};
