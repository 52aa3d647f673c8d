import type { Context } from '../../cli/context.ts';
import { RECIPES } from '../../manifests/recipes/recipes.ts';
import { UsageError } from '../../model/errors.ts';
import type { RecipeOptions } from './command.ts';
import { cronJobText } from './cronjob.ts';
import { daemonSetText } from './daemonset.ts';
import { nodeRecipe } from './node-recipe.ts';
import { rbacText } from './rbac.ts';

type Target = (options: RecipeOptions, context: Context) => Promise<string>;

/** What prints the targets that are not in RECIPES. */
const OTHERS: Readonly<Record<string, Target>> = { daemonset: daemonSetText, cronjob: cronJobText, rbac: rbacText };

export const runRecipe = async (options: RecipeOptions, context: Context): Promise<void> => {
  const { TARGET: target, NAME: name } = options;
  const recipe = RECIPES.find((each) => each.target === target);
  if (!recipe) return context.print((await OTHERS[target]?.(options, context)) ?? '');
  if (name === undefined) throw new UsageError('exactly one NAME is required, got 0');
  context.print(await nodeRecipe(recipe, { ...options, name }, context));
};
