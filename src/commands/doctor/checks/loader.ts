import { admitted } from '../../../cluster/admission.ts';
import { read } from '../../../cluster/objects.ts';
import { checkAllowed, checkPullSecrets } from '../../../cluster/preflight.ts';
import type { KubernetesObject } from '../../../manifests/object.ts';
import { ADMITTED_POD, ANY } from '../../../model/cluster-objects.ts';
import { ApiError } from '../../../model/errors.ts';
import { type Finding, ok, problem, unknown, warning } from '../../../model/finding.ts';
import { podSettings } from '../../pod-flags.ts';
import { type Check, deniedAccess } from '../check.ts';
import type { Survey } from '../survey.ts';
import { trialObjects } from '../trial.ts';

export const LOADER_CHECKS: readonly Check[] = [
  {
    id: 'loader-pod',
    title: 'Loader pod',
    check: async (survey) => {
      const { cluster, options, signal } = survey;
      await checkPullSecrets(cluster, options.imagePullSecret, signal);
      const { pod } = await trialObjects(survey);
      return whetherAdmitted(survey, [pod], `namespace "${cluster.namespace}" accepts its privileged pod`);
    },
  },
  {
    id: 'volume-claim',
    title: 'Volume claim',
    check: async (survey) => {
      if (!(await isNamespaceThere(survey))) return undefined;
      const { claim } = await trialObjects(survey);
      return whetherAdmitted(survey, [claim], 'accepted, also by quotas and limits');
    },
  },
  {
    id: 'other-objects',
    title: 'Other objects',
    check: async (survey) => {
      if (!(await isNamespaceThere(survey))) return undefined;
      const { others } = await trialObjects(survey);
      return whetherAdmitted(survey, others, 'the snapshot and its config maps are accepted');
    },
  },
];

/** If it is not, the first check says so. */
const isNamespaceThere = ({ cluster, signal }: Survey): Promise<boolean> =>
  read(cluster, 'Namespace', ANY, cluster.namespace, { signal }).then(Boolean, () => true);

const whetherAdmitted = async (
  { cluster, signal }: Survey,
  objects: readonly KubernetesObject[],
  details: string,
): Promise<Finding> => {
  try {
    await checkAllowed(cluster, objects, signal);
    return ok(details);
  } catch (error) {
    if (error instanceof ApiError && error.code >= 400 && error.code < 500 && !deniedAccess(error)) {
      return problem(error.message.replace(/^\S+ "\S+" is forbidden: /, ''), hintOf(error, cluster.namespace));
    }
    throw error;
  }
};

const hintOf = ({ message, code }: ApiError, namespace: string): string => {
  if (/exceeded quota/.test(message))
    return `raise the quota, or choose another namespace with -n; see: kubectl describe quota -n ${namespace}`;
  if (/storage usage per/.test(message))
    return `change the LimitRange, or choose another namespace with -n; see: kubectl describe limits -n ${namespace}`;
  return code === 404
    ? 'install what the server does not know'
    : 'choose another namespace with -n, or ask who administers the cluster';
};

const IMAGE = 'registry.k8s.io/pause:3.10';

/** A pod that every namespace accepts, with an image that need not be pulled. */
const modestPod = ({ cluster, options }: Survey): KubernetesObject => {
  const { requests, limits } = podSettings(options);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `doctor-${cluster.run.slice(0, 8)}`, namespace: cluster.namespace, labels: {} },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'pause',
          image: IMAGE,
          imagePullPolicy: 'IfNotPresent',
          resources: { requests: { cpu: '10m', memory: '16Mi', ...requests }, limits },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
};

/** Whether something changes the pull policy of pods: only what it does to a pod tells. */
export const checkAdmission = async (survey: Survey): Promise<Finding> => {
  const { cluster, signal } = survey;
  try {
    const { spec } = await admitted(cluster, modestPod(survey), ADMITTED_POD, signal);
    if (spec.containers.every(({ imagePullPolicy }) => imagePullPolicy !== 'Always')) {
      return ok('pods keep the pull policy that they have');
    }
    return warning(
      'the cluster sets imagePullPolicy Always on every pod, so no pod starts without a registry',
      'remove the admission plugin AlwaysPullImages, or the policy that does the same; the kubelet can verify credentials instead',
    );
  } catch (error) {
    if (!(error instanceof ApiError) || deniedAccess(error) || error.code >= 500) throw error;
    return unknown(`the cluster refuses a pod to try it with: ${error.message}`);
  }
};
