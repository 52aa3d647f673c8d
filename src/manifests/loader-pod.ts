import { CONTAINER, labels, objectNames } from '../model/names.ts';
import { type PreloadSettings, REQUEST_KEY } from './loader.ts';
import type { KubernetesObject } from './object.ts';
import { onlyOn, onNode, resourcesOf, runsOnce, undisturbed } from './pod-settings.ts';
import { type ConfigMap, RUN_FOLDER, runBundle, TOOL_FOLDER } from './run-bundle.ts';

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
    metadata: undisturbed({
      name: names.pod,
      namespace: settings.namespace,
      labels: labels(settings.name, 'loader', settings.version),
    }),
    spec: {
      ...runsOnce(settings.deadline, settings.pod),
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
          name: CONTAINER,
          image: settings.pod.image,
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
          resources: resourcesOf({ cpu: '100m', memory: '256Mi' }, settings.pod),
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
