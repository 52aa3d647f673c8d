import { CONTAINER, labels, objectNames } from '../model/names.ts';
import type { PreloadSettings } from '../model/saved-run.ts';
import { REQUEST_KEY } from './loader.ts';
import type { KubernetesObject } from './object.ts';
import { onlyOn, onNode, resourcesOf, runsOnce, undisturbed } from './pod-settings.ts';
import { type ConfigMap, RUN_FOLDER, runBundle, TOOL_FOLDER, vouchFor } from './run-bundle.ts';

const HOST = '/host';
const VOLUME = '/snapshot';
const PULL_SECRETS = '/pull-secrets';
/** Longest time for which the loader keeps the sealed volume locked, until it is removed. */
export const HOLD_SECONDS = 600;

/** The privileged pod that captures images; it has no service-account token. */
export const loaderPod = (settings: PreloadSettings, configMap: ConfigMap): KubernetesObject => {
  const { pod, claim } = objectNames(settings.name);
  return podOnNode(settings, configMap, {
    name: pod,
    args: ['--to', VOLUME, '--hold', `${HOLD_SECONDS}s`],
    volume: { name: 'snapshot', persistentVolumeClaim: { claimName: claim } },
  });
};

/** The same without a volume: it only finds out what the loader will need. */
export const planPod = (settings: PreloadSettings, configMap: ConfigMap): KubernetesObject =>
  podOnNode(settings, configMap, { name: objectNames(settings.name).planPod, args: ['--plan-only'] });

interface Part {
  name: string;
  /** of export */
  args: string[];
  volume?: { name: string; persistentVolumeClaim: object };
}

const podOnNode = (settings: PreloadSettings, configMap: ConfigMap, { name, args, volume }: Part): KubernetesObject => {
  const [os, arch] = settings.platform.split('/');
  const secrets = settings.pullSecrets.map((name) => ({ secret: { name } }));
  const hasSecrets = secrets.length > 0;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: undisturbed({
      name,
      namespace: settings.namespace,
      labels: labels(settings.name, 'loader', settings.version),
      annotations: vouchFor(configMap),
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
            ...['export', '--request', `${RUN_FOLDER}/${REQUEST_KEY}`, '--root', HOST, '--events'],
            ...(hasSecrets ? ['--pull-secrets', PULL_SECRETS] : []),
            ...args,
          ],
          securityContext: { privileged: true, runAsUser: 0 },
          resources: resourcesOf({ cpu: '100m', memory: '256Mi' }, settings.pod),
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: [
            { name: 'tool', mountPath: TOOL_FOLDER, readOnly: true },
            ...(volume ? [{ name: volume.name, mountPath: VOLUME }] : []),
            { name: 'host', mountPath: HOST },
            ...(hasSecrets ? [{ name: 'pull-secrets', mountPath: PULL_SECRETS, readOnly: true }] : []),
          ],
        },
      ],
      volumes: [
        { name: 'tool', configMap: { name: configMap.metadata.name } },
        ...(volume ? [volume] : []),
        { name: 'host', hostPath: { path: '/', type: 'Directory' } },
        ...(hasSecrets ? [{ name: 'pull-secrets', projected: { defaultMode: 0o400, sources: secrets } }] : []),
      ],
    },
  };
};
