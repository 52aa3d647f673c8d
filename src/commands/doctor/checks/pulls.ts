import { printUser } from '../../../cluster/images-in-use.ts';
import type { PodUser } from '../../../cluster/workloads.ts';
import type { PodSpec } from '../../../model/cluster-objects.ts';
import { type Finding, ok, warning } from '../../../model/finding.ts';
import { parseImage } from '../../../model/image-reference.ts';
import { firstOf, plural } from '../../../model/units.ts';
import type { Check } from '../check.ts';
import { checkAdmission } from './loader.ts';

export const PULL_CHECKS: readonly Check[] = [
  { id: 'pull-policy', title: 'Pull policy', check: async ({ podUsers }) => pullPolicies(await podUsers()) },
  { id: 'always-pull', title: 'AlwaysPullImages', check: checkAdmission },
];

/** Workloads whose pods ask a registry at every start, even if their node has the image. */
export const pullPolicies = (users: readonly PodUser[]): Finding => {
  const workloads = users.filter(({ isOwned }) => !isOwned);
  const latest = workloads.filter(({ pod }) => policiesOf(pod).includes('latest'));
  const fixed = workloads.filter(({ pod }) => !policiesOf(pod).includes('latest') && policiesOf(pod).includes('fixed'));
  const items = [...latest, ...fixed].map(({ user }) => printUser(user)).sort();
  if (items.length === 0) return ok('no workload asks a registry for what its node has');
  const counts = [
    ...(latest.length > 0 ? [`${latest.length} for :latest`] : []),
    ...(fixed.length > 0 ? [`${fixed.length} for a fixed tag or digest`] : []),
  ];
  return warning(
    `imagePullPolicy Always in ${plural(items.length, 'workload')} (${counts.join(', ')}): ${firstOf(items)}`,
    `${latest.length > 0 ? 'use fixed tags and ' : ''}set imagePullPolicy: IfNotPresent; else their pods do not start while the registry is away`,
    items,
  );
};

/** For each container that always pulls: whether its image can change. */
const policiesOf = (pod: PodSpec): ('latest' | 'fixed')[] =>
  [...pod.initContainers, ...pod.containers]
    .filter(({ imagePullPolicy }) => imagePullPolicy === 'Always')
    .map(({ image }) => {
      const { tag, digest } = parseImage(image ?? '') ?? {};
      return tag === 'latest' && !digest ? 'latest' : 'fixed';
    });
