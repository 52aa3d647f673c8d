import type { Argv } from 'yargs';
import { UsageError } from '../model/errors.ts';
import { LAYOUTS } from '../model/layout.ts';
import { nameProblem } from '../model/names.ts';
import type { CaptureRequest } from '../model/request.ts';
import { parseDuration } from '../model/units.ts';
import { OUTPUTS } from './output.ts';

/** Flags of every command that asks the API server, spelled as kubectl spells them. */
export const connectionFlags = <T>(yargs: Argv<T>) =>
  yargs
    .option('namespace', {
      alias: 'n',
      type: 'string',
      requiresArg: true,
      describe: "Namespace of the preload; the context's by default",
    })
    .option('kubeconfig', { type: 'string', requiresArg: true, describe: 'Path to the kubeconfig file' })
    .option('context', { type: 'string', requiresArg: true, describe: 'The name of the kubeconfig context to use' })
    .option('as', { type: 'string', requiresArg: true, describe: 'Username to impersonate for the operation' })
    .option('request-timeout', {
      type: 'string',
      requiresArg: true,
      default: '30s',
      coerce: duration('request-timeout'),
      describe: 'How long a single server request may take',
    })
    .group(['namespace', 'kubeconfig', 'context', 'as', 'request-timeout'], 'Connection:');

export const outputFlag = <T>(yargs: Argv<T>) =>
  yargs.option('output', {
    alias: 'o',
    choices: OUTPUTS,
    requiresArg: true,
    describe: 'Output format; a table by default',
  });

export const loaderImage = <T>(yargs: Argv<T>) =>
  yargs.option('image', {
    type: 'string',
    requiresArg: true,
    default: 'docker.io/library/node:26-slim',
    describe: 'Image of the pod: any with Node.js 22 or newer, and GNU tar',
  });

/** A NAME on the command line. */
export const preloadName = <T extends string | undefined>(text: T): T => {
  const problem = text === undefined ? undefined : nameProblem(text);
  if (problem) throw new UsageError(`invalid NAME "${text}": ${problem}`);
  return text;
};

/** Milliseconds of a duration flag. */
export const duration = (flag: string) => (text: string) => {
  const ms = parseDuration(text);
  if (ms === undefined) throw new UsageError(`invalid --${flag} "${text}": must be a duration such as 90s or 30m`);
  return ms;
};

/** Settings of --timeout, in milliseconds. */
export const TIMEOUT = {
  type: 'string',
  requiresArg: true,
  default: '30m',
  coerce: duration('timeout'),
  describe: 'How long all of it may take',
} as const;

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
      describe: 'Capture what tags mean in the registry now, not what the node has',
    })
    .option('parallel', {
      type: 'number',
      requiresArg: true,
      default: 4,
      coerce: parallel,
      describe: 'How many layers are copied or fetched at once',
    })
    .option('layout', {
      choices: LAYOUTS,
      requiresArg: true,
      default: 'layers' as const,
      describe: 'What to keep: unpacked layers that nodes link, their blobs that nodes import, or both',
    })
    .option('one-tar-per-image', {
      type: 'boolean',
      default: false,
      describe: 'Also write an archive of each image, for ctr images import --platform',
    })
    .option('ctr-path', { type: 'string', requiresArg: true, default: 'ctr', describe: "The node's ctr" })
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
      describe: "The node's containerd, which is run a second time to unpack what is only there as blobs",
    });

type CaptureFlags = Awaited<ReturnType<typeof captureFlags>['argv']>;

/** What of a request comes from these flags. */
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

const parallel = (count: number): number => {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_PARALLEL) return count;
  throw new UsageError(`invalid --parallel: must be a number from 1 to ${MAX_PARALLEL}`);
};

/** Values of a flag that can be repeated, or given at once with commas between. */
const commas = (texts: string[]): string[] => texts.flatMap((text) => text.split(',')).filter(Boolean);
