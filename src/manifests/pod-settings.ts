import type { PodSettings, Resources } from '../model/saved-run.ts';
import type { KubernetesObject } from './object.ts';

// what scales clusters down, or adds containers, must leave the pod alone
const UNDISTURBED = {
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
  'karpenter.sh/do-not-disrupt': 'true',
  'linkerd.io/inject': 'disabled',
};
const WITHOUT_SIDECAR = { 'sidecar.istio.io/inject': 'false' };

/** Adds to the metadata of a pod what keeps others from disturbing it. */
export const undisturbed = <T extends KubernetesObject['metadata']>(metadata: T) => ({
  ...metadata,
  labels: { ...metadata.labels, ...WITHOUT_SIDECAR },
  annotations: { ...metadata.annotations, ...UNDISTURBED },
});

/** Fields of a pod that runs once, for at most `deadline` seconds, and has no access to the API server. */
export const runsOnce = (deadline: number, { imagePullSecrets, tolerations, priorityClass }: PodSettings) => ({
  restartPolicy: 'Never',
  activeDeadlineSeconds: deadline,
  terminationGracePeriodSeconds: 10,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
  ...(tolerations.length > 0 && { tolerations }),
  ...(priorityClass && { priorityClassName: priorityClass }),
});

/** The resources of its container; the user's requests replace the usual ones. */
export const resourcesOf = (usual: Resources, { requests, limits }: PodSettings) => ({
  requests: { ...usual, ...requests },
  ...(Object.keys(limits).length > 0 && { limits }),
});

/** Pod fields that require the node `name`, regardless of its taints. */
export const onlyOn = (name: string) => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [onNode(name)] } },
  },
  tolerations: [{ operator: 'Exists' }],
});

/** A node affinity term that matches only the node `name`. */
export const onNode = (name: string) => ({
  matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }],
});
