import type { Argv } from 'yargs';
import { connectionFlags, invalidArgument, preloadNameOrPrefix, text } from '../../cli/flags.ts';
import type { Example } from '../../cli/help.ts';
import { VERBS } from '../../manifests/recipes/rbac.ts';
import { RECIPES } from '../../manifests/recipes/recipes.ts';
import { USAGE_NAME } from '../../model/names.ts';

export const command = 'recipe TARGET [NAME]';
export const describe = 'Print configuration by which new nodes use a preload';

/** Targets that are more than text for a node's disk, with what they print. */
const OTHER_TARGETS: readonly (readonly [target: string, describe: string])[] = [
  ['rbac', 'Role and ClusterRole with the rights that verbs need, and no others'],
];

const TARGETS = [...RECIPES.map(({ target, describe }) => [target, describe] as const), ...OTHER_TARGETS];

export const sections = { 'Targets:': TARGETS };

export const examples: Example[] = [
  ['Let nodes of Karpenter on AWS use a preload', `${USAGE_NAME} recipe karpenter nightly -n kube-system`],
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
    .option('verbs', { ...text('With rbac: verbs to allow, such as create,status; all by default'), coerce: verbList });

export type RecipeOptions = Awaited<ReturnType<typeof builder>['argv']>;

const verbList = (text: string | undefined): string[] | undefined => {
  const verbs = text?.split(',');
  const unknown = verbs?.find((verb) => !VERBS.includes(verb));
  if (unknown !== undefined)
    throw invalidArgument('verbs', text ?? '', `must be some of ${VERBS.join(',')}, separated by commas`);
  return verbs;
};
