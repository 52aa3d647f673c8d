import * as v from 'valibot';
import { LINE, object } from './parse.ts';

/** What a kubelet says about its configuration, as far as it matters to images that are there before it starts. */
export const KUBELET_CONFIG = object({
  kubeletconfig: object({
    imagePullCredentialsVerificationPolicy: v.optional(LINE, ''),
    preloadedImagesVerificationAllowlist: v.nullish(v.array(LINE), []),
    imageGCHighThresholdPercent: v.nullish(v.number(), 85),
    imageMaximumGCAge: v.optional(LINE, '0s'),
  }),
});

export type KubeletConfig = v.InferOutput<typeof KUBELET_CONFIG>['kubeletconfig'];

/** Whether a kubelet's allowlist has the image repository: entries are whole names, or end with a slash and a star. */
export const isAllowlisted = (allowlist: readonly string[], repository: string): boolean =>
  allowlist.some((entry) => (entry.endsWith('/*') ? repository.startsWith(entry.slice(0, -1)) : repository === entry));

const MANY = 20;

/** A kubelet's allowlist for these repositories: their names, or their folders if there are many. */
export const allowlistFor = (repositories: readonly string[]): string[] => {
  const names = [...new Set(repositories)].sort();
  if (names.length <= MANY) return names;
  return [...new Set(names.map((name) => name.replace(/[^/]*$/, '*')))];
};
