import type { Argv } from 'yargs';
import {
  connectionFlags,
  EVENTS,
  invalidArgument,
  keepLast,
  optional,
  preloadNameOrPrefix,
  TIMEOUT,
  text,
  toggle,
} from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';
import { UsageError } from '../../model/errors.ts';
import { isPrefix } from '../../model/generations.ts';
import { SNAPSHOT_GROUP, USAGE_NAME } from '../../model/names.ts';

export const command = 'delete [NAME...]';
export const describe = 'Delete preloads, or what interrupted runs left';

export const examples: Example[] = [
  ['Delete two preloads', `${USAGE_NAME} delete web nightly-20261127-013000`],
  ['Delete all with the prefix nightly- except the newest three', `${USAGE_NAME} delete nightly- --keep-last 3`],
  ['Delete a preload, but keep its snapshot in the storage', `${USAGE_NAME} delete web --keep-snapshot`],
  ['Delete those with a label, without being asked', `${USAGE_NAME} delete -l team=shop --yes`],
  ['See what interrupted runs left in all namespaces', `${USAGE_NAME} delete --leftovers -A --dry-run=client`],
];

/** A variable that is set for another command must not decide what is deleted. */
export const typedFlags = ['selector', 'keep-last', 'leftovers', 'all-namespaces', 'yes'];

export const builder = (yargs: Argv) =>
  connectionFlags(yargs)
    .positional('NAME', {
      type: 'string',
      array: true,
      default: [],
      coerce: (names: string[]) => names.map(nameOrPrefix),
      describe: 'Names of preloads; a prefix such as nightly- means the newest ready one',
    })
    .option('selector', {
      ...text('Delete the preloads whose snapshots have these labels'),
      alias: 'l',
      coerce: selector,
    })
    .option('keep-last', {
      ...text('Delete all ready preloads with the prefix NAME except the newest N of each platform'),
      coerce: optional(keepLast),
    })
    .option('keep-snapshot', toggle('Keep the snapshot in the storage'))
    .option('leftovers', toggle('Delete what interrupted runs left, if they have ended'))
    .option('all-namespaces', { ...toggle('Look for leftovers in all namespaces'), alias: 'A' })
    .option('ignore-not-found', toggle('Do not fail if a preload does not exist'))
    .option('yes', { ...toggle('Do not ask on a terminal'), alias: 'y' })
    .option('wait', { type: 'boolean', default: true, describe: 'Wait until everything is gone' })
    .option('timeout', { ...TIMEOUT, default: '10m' })
    .option('events', EVENTS)
    .option('dry-run', {
      choices: ['none', 'client', 'server'] as const,
      default: 'none' as const,
      requiresArg: true,
      describe: 'If client, only print what would be deleted; if server, also send the requests without effect',
    })
    .option('output', { alias: 'o', choices: ['name'] as const, requiresArg: true, describe: 'Output format' });

export type DeleteOptions = Awaited<ReturnType<typeof builder>['argv']>;

/** Throws UsageError unless `options` say in one way what to delete. */
export const checkSelection = (options: DeleteOptions): void => {
  const problem = problemWith(options);
  if (problem) throw new UsageError(problem);
};

const problemWith = (options: DeleteOptions): string | undefined => {
  const { NAME: names, selector, keepLast, leftovers, allNamespaces, keepSnapshot } = options;
  if (Number(names.length > 0) + Number(selector !== undefined) + Number(leftovers) !== 1)
    return 'specify either NAME, --selector or --leftovers';
  if (keepLast !== undefined && !(names.length > 0 && names.every(isPrefix)))
    return '--keep-last requires a NAME that is a prefix, such as nightly-';
  if (allNamespaces && !leftovers) return '--all-namespaces requires --leftovers';
  if (leftovers && keepSnapshot) return '--keep-snapshot cannot be used with --leftovers';
  return undefined;
};

/** Also as `status -o name` prints it. */
const nameOrPrefix = (text: string): string =>
  preloadNameOrPrefix(text.replace(`volumesnapshot.${SNAPSHOT_GROUP}/`, ''));

const selector = (text: string | undefined): string | undefined => {
  if (text?.trim() === '') throw invalidArgument('selector', text, 'must not be empty');
  return text;
};
