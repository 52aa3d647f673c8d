import type { Argv } from 'yargs';
import { connectionFlags, invalidArgument, keepLast, preloadNameOrPrefix, text, toggle } from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';
import { GRANTS } from '../../manifests/recipes/rbac.ts';
import { RECIPES } from '../../manifests/recipes/recipes.ts';
import { USAGE_NAME } from '../../model/names.ts';
import { NODE_IMAGE } from '../pod-flags.ts';

export const command = 'recipe TARGET [NAME]';
export const describe = 'Print configuration by which new nodes use a preload';

/** Targets that are more than text for a node's disk, with what they print. */
const OTHER_TARGETS: readonly (readonly [target: string, describe: string])[] = [
  ['daemonset', 'DaemonSet that copies the images to nodes, also to those that already run'],
  ['cronjob', 'CronJob that renews a preload; NAME is what its preloads begin with'],
  ['rbac', 'Role and ClusterRole with the rights that verbs need, and no others'],
];

const TARGETS = [...RECIPES.map(({ target, describe }) => [target, describe] as const), ...OTHER_TARGETS];

export const sections = { 'Targets:': TARGETS };

export const examples: Example[] = [
  ['Let nodes of Karpenter on AWS use a preload', `${USAGE_NAME} recipe karpenter nightly -n kube-system`],
  [
    'Copy the images to the nodes of this cluster',
    `${USAGE_NAME} recipe daemonset nightly- | kubectl apply --server-side -f -`,
  ],
  [
    'Renew the preload every night',
    `${USAGE_NAME} recipe cronjob nightly -n preloads | kubectl apply --server-side -f -`,
  ],
  ['Use the newest preload with a prefix', `${USAGE_NAME} recipe cloud-init nightly- -n kube-system`],
];

export const builder = (yargs: Argv) =>
  connectionFlags(yargs)
    .positional('TARGET', {
      type: 'string',
      choices: TARGETS.map(([target]) => target),
      demandOption: true,
      describe: 'What the nodes are made by',
    })
    .positional('NAME', {
      type: 'string',
      coerce: preloadNameOrPrefix,
      describe: 'Name of the preload, or a prefix such as nightly-',
    })
    .option('verbs', {
      ...text('With rbac: verbs to allow, such as "status,create --keep-last"; all without such flags by default'),
      coerce: verbList,
    })
    .option('image', {
      ...text('With daemonset and cronjob: image of the pods; any with Node.js 22 or newer'),
      default: NODE_IMAGE,
    })
    .option('storage-class', text("With daemonset: class of the disks; one of the snapshot's driver by default"))
    .option('schedule', {
      ...text('With cronjob: when to renew, in UTC unless the cluster has another time zone'),
      default: '30 1 * * *',
      coerce: schedule,
    })
    .option('keep-last', {
      ...text('With cronjob: how many preloads stay, the new one included'),
      default: '7',
      coerce: keepLast,
    })
    .option(
      'with-pull-secrets',
      toggle('With cronjob: let it read all Secrets of the cluster, for private images that the node does not have'),
    );

export type RecipeOptions = Awaited<ReturnType<typeof builder>['argv']>;

const verbList = (text: string | undefined): string[] | undefined => {
  const verbs = text?.split(',').map((verb) => verb.trim());
  const unknown = verbs?.find((verb) => !GRANTS.includes(verb));
  if (unknown !== undefined)
    throw invalidArgument('verbs', text ?? '', `must be some of these, separated by commas: ${GRANTS.join(', ')}`);
  return verbs;
};

const FIELD = /^[\w*?/,#-]+$/;

/** Five fields or a name such as `@daily`; the API server checks the rest. */
const schedule = (text: string): string => {
  const fields = text.trim().split(/\s+/);
  if (/^@[a-z]+$/.test(text) || (fields.length === 5 && fields.every((field) => FIELD.test(field)))) return text.trim();
  throw invalidArgument('schedule', text, 'must be a cron schedule such as "30 1 * * *"');
};
