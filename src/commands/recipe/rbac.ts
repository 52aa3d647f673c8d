import type { Context } from '../../cli/context.ts';
import { connect } from '../../cluster/connection.ts';
import { rbacRecipe, VERBS } from '../../manifests/recipes/rbac.ts';
import { UsageError } from '../../model/errors.ts';
import type { RecipeOptions } from './command.ts';

/** Text of `recipe rbac`, for the namespace that the other verbs would use. */
export const rbacText = async (options: RecipeOptions, { env, progress }: Context): Promise<string> => {
  if (options.NAME !== undefined) throw new UsageError('recipe rbac takes no NAME; choose verbs with --verbs');
  const { namespace } = await connect(options, env, progress.warn);
  return rbacRecipe(options.verbs ?? VERBS, namespace);
};
