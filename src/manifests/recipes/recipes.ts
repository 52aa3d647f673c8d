import { cloudInit } from './cloud-init.ts';
import { capk, caposc } from './cluster-api.ts';
import { eksLaunchTemplate } from './eks-launch-template.ts';
import { eksctl } from './eksctl.ts';
import { flatcar } from './flatcar.ts';
import { gardenerAws } from './gardener-aws.ts';
import { karpenter } from './karpenter.ts';
import { kubeadm } from './kubeadm.ts';
import type { Recipe } from './recipe.ts';
import { terraform } from './terraform.ts';

/** All recipes for nodes that get a disk from the snapshot. */
export const RECIPES: readonly Recipe[] = [
  ...[karpenter, eksLaunchTemplate, eksctl, terraform, gardenerAws],
  ...[caposc, capk, cloudInit, kubeadm, flatcar],
];
