import type { Argv } from 'yargs';
import { invalidArgument } from '../cli/flags.ts';
import { LAYOUTS } from '../model/layout.ts';
import type { CaptureRequest } from '../model/request.ts';

/** Flags of the two commands that capture: from a workstation, and in the cluster. */
export const captureFlags = <T>(yargs: Argv<T>) =>
  yargs
    .option('exclude', {
      type: 'string',
      array: true,
      requiresArg: true,
      default: [],
      coerce: commas,
      describe: 'Prefixes of images to leave out',
    })
    .option('force-pull', {
      type: 'boolean',
      default: false,
      describe: "Resolve tags in the registry instead of using the node's version",
    })
    .option('parallel', {
      type: 'string',
      requiresArg: true,
      default: '4',
      coerce: parallel,
      describe: 'Number of layers to copy or fetch at once',
    })
    .option('layout', {
      choices: LAYOUTS,
      requiresArg: true,
      default: 'layers' as const,
      describe: 'What the volume holds: unpacked layers that nodes link, their blobs that nodes import, or both',
    })
    .option('one-tar-per-image', {
      type: 'boolean',
      default: false,
      describe: 'Also write an archive for each image, for ctr images import --platform',
    })
    .option('ctr-path', { type: 'string', requiresArg: true, default: 'ctr', describe: "Path of the node's ctr" })
    .option('ctr-flags', {
      type: 'string',
      requiresArg: true,
      default: '',
      describe: 'Flags for every call of ctr, such as -a SOCKET',
    })
    .option('containerd-path', {
      type: 'string',
      requiresArg: true,
      default: 'containerd',
      describe: "Path of the node's containerd; a private instance unpacks layers stored only as blobs",
    });

type CaptureFlags = Awaited<ReturnType<typeof captureFlags>['argv']>;

/** The part of a request that these flags decide. */
export const captureSettings = ({
  exclude,
  forcePull,
  parallel,
  layout,
  oneTarPerImage,
  ctrPath,
  ctrFlags,
  containerdPath,
}: CaptureFlags): Omit<CaptureRequest, 'images' | 'cache' | 'platform'> => ({
  exclude,
  forcePull,
  parallel,
  layout,
  oneTarPerImage,
  tools: { ctrPath, ctrFlags, containerdPath },
});

const MAX_PARALLEL = 64;

const parallel = (text: string): number => {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_PARALLEL) return count;
  throw invalidArgument('parallel', text, `must be a number from 1 to ${MAX_PARALLEL}`);
};

/** Values of a flag that can be repeated, or hold several values separated by commas. */
const commas = (texts: string[]): string[] => texts.flatMap((text) => text.split(',')).filter(Boolean);
