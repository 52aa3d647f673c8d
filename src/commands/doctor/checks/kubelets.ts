import type { Kubelets } from '../../../cluster/kubelets.ts';
import type { PodUser } from '../../../cluster/workloads.ts';
import { type Finding, ok, unknown, warning } from '../../../model/finding.ts';
import { repository } from '../../../model/image-reference.ts';
import { allowlistFor, isAllowlisted } from '../../../model/kubelet-config.ts';
import { imagesOf } from '../../../model/pod-images.ts';
import { firstOf, plural } from '../../../model/units.ts';
import type { Check } from '../check.ts';
import { withoutPins } from './nodes.ts';

export const KUBELET_CHECKS: readonly Check[] = [
  {
    id: 'credential-verification',
    title: 'Image credentials',
    check: async ({ kubelets, podUsers }) =>
      credentialPolicies(await kubelets(), repositoriesOf(await podUsers().catch(() => []))),
  },
  { id: 'image-collection', title: 'Image collection', check: async ({ kubelets }) => collection(await kubelets()) },
];

const repositoriesOf = (users: readonly PodUser[]): string[] => [
  ...new Set(users.flatMap(({ pod }) => [...imagesOf(pod).images.values()].map(repository))),
];

const silent = ({ failure }: Kubelets): Finding =>
  failure ? unknown(`no kubelet answers: ${failure.message}`) : unknown('no node is ready');

const askedOf = ({ answers, all }: Kubelets): string =>
  answers.length === all ? plural(all, 'kubelet') : `${answers.length} of ${plural(all, 'kubelet')}`;

const VERIFYING = 'AlwaysVerify';
const ALLOWLISTED = 'NeverVerifyAllowlistedImages';

/** Whether kubelets ask for logins before pods may use images that are there; `repositories` are those in use. */
export const credentialPolicies = (kubelets: Kubelets, repositories: readonly string[]): Finding => {
  const { answers } = kubelets;
  if (answers.length === 0) return silent(kubelets);
  const strict = answers.filter(({ config }) => {
    const { imagePullCredentialsVerificationPolicy: policy, preloadedImagesVerificationAllowlist: list } = config;
    return (
      policy === VERIFYING || (policy === ALLOWLISTED && !repositories.every((name) => isAllowlisted(list ?? [], name)))
    );
  });
  const policies = [
    ...new Set(answers.map(({ config }) => config.imagePullCredentialsVerificationPolicy || 'no policy')),
  ];
  if (strict.length === 0) return ok(`${policies.sort().join(', ')} (${askedOf(kubelets)})`);
  const listed = strict.flatMap(({ config }) => config.preloadedImagesVerificationAllowlist ?? []);
  const allowlist = allowlistFor([...listed, ...repositories]);
  const nodes = strict.map(({ node }) => node.metadata.name).sort();
  return warning(
    `kubelets verify logins for preloaded images, for which they need the registry: ${firstOf(nodes)}`,
    `set in their configuration imagePullCredentialsVerificationPolicy: NeverVerifyPreloadedImages, or ${ALLOWLISTED} with preloadedImagesVerificationAllowlist: ${JSON.stringify(allowlist)}`,
    allowlist,
  );
};

const NEVER = /^0[a-z]*$/;
const OFF = 100;

/** Whether kubelets may remove preloaded images that no pod uses yet. */
export const collection = (kubelets: Kubelets): Finding => {
  const { answers } = kubelets;
  if (answers.length === 0) return silent(kubelets);
  const removing = answers.filter(
    ({ config }) => (config.imageGCHighThresholdPercent ?? 0) < OFF || !NEVER.test(config.imageMaximumGCAge),
  );
  const [first] = removing;
  const unpinned = withoutPins(removing.map(({ node }) => node));
  if (!first || unpinned.length === 0) return ok(`images that restore.sh pins stay (${askedOf(kubelets)})`);
  const { imageMaximumGCAge: age, imageGCHighThresholdPercent: percent } = first.config;
  const when = NEVER.test(age) ? `the disk is ${percent} % full` : `nothing has used them for ${age}`;
  return warning(
    `containerd has no pins, so kubelets remove preloaded images once ${when}: ${firstOf(unpinned)}`,
    'use containerd 1.6.25, 1.7.10 or newer',
    unpinned,
  );
};
