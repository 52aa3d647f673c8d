import type { Argv } from 'yargs';
import { invalidArgument, text, toggle } from '../cli/flags.ts';
import { LAYOUTS } from '../model/layout.ts';
import type { CaptureRequest } from '../model/request.ts';
import { parseQuantity } from '../model/units.ts';

export const excludeFlag = <T>(yargs: Argv<T>) =>
  yargs.option('exclude', {
    ...text('Leave out images whose names start with this prefix; can be repeated or comma-separated'),
    array: true,
    default: [],
    coerce: commas,
  });

/** Flags of the two commands that capture: from a workstation, and in the cluster. */
export const captureFlags = <T>(yargs: Argv<T>) =>
  excludeFlag(yargs)
    .option('force-pull', toggle("Resolve tags in the registry instead of using the node's version"))
    .option('copy', {
      type: 'boolean',
      default: true,
      describe: 'Copy layers that the node has unpacked; --no-copy unpacks all from blobs whose digests are checked',
    })
    .option('seed', {
      type: 'boolean',
      default: true,
      describe: "Also write containerd's finished store, with which new nodes can start; --no-seed leaves it out",
    })
    .option('parallel', { ...text('Number of layers to copy or fetch at once'), default: '4', coerce: parallel })
    .option('max-rate', {
      ...text("Bytes per second to read from the node's disk, such as 50Mi, to spare its workloads"),
      coerce: maxRate,
    })
    .option('layout', {
      choices: LAYOUTS,
      requiresArg: true,
      default: 'layers' as const,
      describe: 'What the volume holds: unpacked layers that nodes link, their blobs that nodes import, or both',
    })
    .option(
      'one-tar-per-image',
      toggle('Also write an archive for each image, for ctr images import --platform PLATFORM FILE'),
    )
    .option('ctr-path', { ...text("Path of the node's ctr"), default: 'ctr' })
    .option('ctr-flags', { ...text('Flags for every call of ctr, such as -a SOCKET'), default: '' })
    .option('containerd-path', {
      ...text("Path of the node's containerd; a private instance unpacks layers stored only as blobs"),
      default: 'containerd',
    });

type CaptureFlags = Awaited<ReturnType<typeof captureFlags>['argv']>;

/** The part of a request that these flags decide. */
export const captureSettings = ({
  exclude,
  forcePull,
  copy,
  seed,
  parallel,
  maxRate,
  layout,
  oneTarPerImage,
  ctrPath,
  ctrFlags,
  containerdPath,
}: CaptureFlags): Omit<CaptureRequest, 'images' | 'cache' | 'platform'> => ({
  exclude,
  forcePull,
  copy,
  seed,
  parallel,
  ...(maxRate && { maxRate }),
  layout,
  oneTarPerImage,
  tools: { ctrPath, ctrFlags, containerdPath },
});

/** A value of --platform. */
export const platform = (text: string | undefined): string | undefined => {
  if (text !== undefined && !/^linux\/[a-z0-9]+$/.test(text))
    throw invalidArgument('platform', text, 'must be linux/ARCHITECTURE, such as linux/amd64');
  return text;
};

const MAX_PARALLEL = 64;

const parallel = (text: string): number => {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_PARALLEL) return count;
  throw invalidArgument('parallel', text, `must be a number from 1 to ${MAX_PARALLEL}`);
};

const LEAST_RATE = '64Ki'; // less is a number whose unit was forgotten

const maxRate = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const bytes = parseQuantity(text) ?? 0;
  if (bytes >= (parseQuantity(LEAST_RATE) ?? 0)) return bytes;
  throw invalidArgument('max-rate', text, `must be a quantity per second such as 50Mi, at least ${LEAST_RATE}`);
};

/** Values of a flag that can be repeated, or hold several values separated by commas. */
const commas = (texts: string[]): string[] => texts.flatMap((text) => text.split(',')).filter(Boolean);
