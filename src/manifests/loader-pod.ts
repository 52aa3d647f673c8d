import { labels, objectNames } from '../model/names.ts';
import { type PreloadSettings, REQUEST_KEY } from './loader.ts';
import type { KubernetesObject } from './object.ts';
import { type ConfigMap, RUN_FOLDER, runBundle, TOOL_FOLDER } from './run-bundle.ts';

export const LOADER = 'loader';
const HOST = '/host';
const VOLUME = '/snapshot';
const PULL_SECRETS = '/pull-secrets';
/** Longest time for which the loader keeps the sealed volume locked, until it is removed. */
export const HOLD_SECONDS = 600;

/** The privileged pod that captures images; it has no service-account token. */
export const loaderPod = (settings: PreloadSettings, configMap: ConfigMap): KubernetesObject => {
  const names = objectNames(settings.name);
  const [os, arch] = settings.platform.split('/');
  const secrets = (settings.pullSecrets ?? []).map((name) => ({ secret: { name } }));
  const hasSecrets = secrets.length > 0;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: names.pod,
      namespace: settings.namespace,
      labels: labels(settings.name, 'loader', settings.version),
    },
    spec: {
      ...runsOnce(settings.deadline),
      hostNetwork: true,
      dnsPolicy: 'Default',
      nodeSelector: { 'kubernetes.io/os': os, 'kubernetes.io/arch': arch },
      ...(settings.node && onlyOn(settings.node)),
      ...(!settings.node &&
        settings.preferredNode && {
          affinity: {
            nodeAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 100, preference: onNode(settings.preferredNode) },
              ],
            },
          },
        }),
      containers: [
        {
          name: LOADER,
          image: settings.image,
          command: runBundle(configMap),
          args: [
            'export',
            '--request',
            `${RUN_FOLDER}/${REQUEST_KEY}`,
            '--root',
            HOST,
            '--to',
            VOLUME,
            '--events',
            ...(hasSecrets ? ['--pull-secrets', PULL_SECRETS] : []),
            '--hold',
            `${HOLD_SECONDS}s`,
          ],
          securityContext: { privileged: true, runAsUser: 0 },
          resources: { requests: { cpu: '100m', memory: '256Mi' } },
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: [
            { name: 'tool', mountPath: TOOL_FOLDER, readOnly: true },
            { name: 'snapshot', mountPath: VOLUME },
            { name: 'host', mountPath: HOST },
            ...(hasSecrets ? [{ name: 'pull-secrets', mountPath: PULL_SECRETS, readOnly: true }] : []),
          ],
        },
      ],
      volumes: [
        { name: 'tool', configMap: { name: names.configMap } },
        { name: 'snapshot', persistentVolumeClaim: { claimName: names.claim } },
        { name: 'host', hostPath: { path: '/', type: 'Directory' } },
        ...(hasSecrets ? [{ name: 'pull-secrets', projected: { defaultMode: 0o400, sources: secrets } }] : []),
      ],
    },
  };
};

/** Fields of a pod that runs once, for at most `deadline` seconds, and has no access to the API server. */
export const runsOnce = (deadline: number) => ({
  restartPolicy: 'Never',
  activeDeadlineSeconds: deadline,
  terminationGracePeriodSeconds: 10,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
});

/** Pod fields that require the node `name`, regardless of its taints. */
export const onlyOn = (name: string) => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [onNode(name)] } },
  },
  tolerations: [{ operator: 'Exists' }],
});

/** A node affinity term that matches only the node `name`. */
const onNode = (name: string) => ({
  matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }],
});
