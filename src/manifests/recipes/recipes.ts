import { cloudInit } from './cloud-init.ts';
import type { Recipe } from './recipe.ts';

/** All recipes for nodes that get a disk from the snapshot. */
export const RECIPES: readonly Recipe[] = [cloudInit];
