import type { Argv } from 'yargs';
import { UsageError } from '../model/errors.ts';
import { nameProblem, snapshotNameProblem } from '../model/names.ts';
import { LONGEST, parseDuration } from '../model/units.ts';
import { GROUPS } from './help.ts';
import { OUTPUTS } from './output.ts';

/** Settings of a flag with a value. */
export const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;

/** Settings of a flag without a value. */
export const toggle = (describe: string) => ({ type: 'boolean', default: false, describe }) as const;

/** Flags of every command that talks to the API server, spelled as in kubectl. */
export const connectionFlags = <T>(yargs: Argv<T>) =>
  yargs
    .option('namespace', { ...text("Namespace of the preload; the context's by default"), alias: 'n' })
    .option('kubeconfig', text('Path to the kubeconfig file'))
    .option('context', text('The name of the kubeconfig context to use'))
    .option('as', text('Username to impersonate for the operation'))
    .option('as-group', {
      ...text('Group to impersonate for the operation, this flag can be repeated to specify multiple groups'),
      array: true,
      coerce: (groups: string | string[]) => [groups].flat(), // only one if it comes from the environment
    })
    .option('as-uid', text('UID to impersonate for the operation'))
    .option('request-timeout', {
      ...text('Time limit for a single server request'),
      default: '30s',
      coerce: requestTimeout,
    })
    .group(['namespace', 'kubeconfig', 'context', 'as', 'as-group', 'as-uid', 'request-timeout'], GROUPS.connection);

/** -o; with formats that only some commands have. */
export const outputFlag = <T, F extends string = never>(yargs: Argv<T>, more: readonly F[] = []) =>
  yargs.option('output', {
    alias: 'o',
    choices: [...OUTPUTS, ...more],
    requiresArg: true,
    describe: 'Output format; a table by default',
  });

/** A NAME on the command line. */
export const preloadName = <T extends string | undefined>(text: T): T => {
  const problem = text === undefined ? undefined : nameProblem(text);
  if (problem) throw new UsageError(`invalid NAME "${text}": ${problem}`);
  return text;
};

/** A NAME of a snapshot that `create` or `snapshot` made; or a prefix such as `nightly-`, for the newest preload with it. */
export const preloadNameOrPrefix = <T extends string | undefined>(text: T): T => {
  const problem = text === undefined ? undefined : snapshotNameProblem(text.replace(/(?<=.)-$/, ''));
  if (problem) throw new UsageError(`invalid NAME "${text}": ${problem}`);
  return text;
};

/** Settings of --events. */
export const EVENTS = toggle('Report progress and errors as JSON lines on standard error');

/** What kubectl says if the value of a flag does not fit. */
export const invalidArgument = (flag: string, value: string, problem: string): UsageError =>
  new UsageError(`invalid argument "${value}" for "--${flag}": ${problem}`);

/** Milliseconds of a duration flag. */
export const duration = (flag: string) => (text: string) => {
  const ms = parseDuration(text);
  if (ms === undefined) throw invalidArgument(flag, text, 'must be a duration such as 90s or 30m');
  return Math.min(ms, LONGEST);
};

/** Milliseconds of --request-timeout. As in kubectl, a number alone is in seconds, and 0 is without a limit. */
const requestTimeout = (text: string): number => {
  if (/^0+s?$/.test(text)) return LONGEST;
  return duration('request-timeout')(/^\d+$/.test(text) ? `${text}s` : text);
};

/** How many preloads --keep-last keeps. */
export const keepLast = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw invalidArgument('keep-last', text, 'must be a number of at least 1');
  return Number(text);
};

/** Reads the value of a flag that need not be given. */
export const optional =
  <T>(read: (text: string) => T) =>
  (text: string | undefined): T | undefined =>
    text === undefined ? undefined : read(text);

/** Settings of --timeout, in milliseconds. */
export const TIMEOUT = {
  ...text('Time limit for the whole command'),
  default: '30m',
  coerce: duration('timeout'),
};
