import { CONTAINER, labels, objectNames } from '../model/names.ts';
import { RIGHTS, rulesFor } from '../model/rights.ts';
import type { KubernetesObject } from './object.ts';
import { bundleConfigMap, type ConfigMap, RUN_FOLDER, runBundle, TOOL_FOLDER } from './run-bundle.ts';
import { bindings } from './service-account.ts';

export interface RenewalSettings {
  /** of the preloads, such as `nightly-` */
  prefix: string;
  namespace: string;
  /** version of this tool, for the labels */
  version: string;
  /** such as `30 1 * * *` */
  schedule: string;
  /** how many preloads stay */
  keepLast: number;
  /** whether it may read all Secrets of the cluster */
  pullSecrets: 'used' | 'unused';
  /** of the pods */
  image: string;
}

const USES = ['create NAME', 'create --base PREFIX-', 'create --keep-last'];

/** All objects that renew a preload: the last one is the CronJob. */
export const renewalObjects = (settings: RenewalSettings, bundle: Buffer): KubernetesObject[] => {
  const { prefix, namespace, version, pullSecrets } = settings;
  const name = prefix.slice(0, -1);
  const identity = { name: objectNames(name).renewal, namespace, labels: labels(name, 'renewal', version) };
  const configMap = bundleConfigMap(identity, bundle);
  const uses = [...USES, ...(pullSecrets === 'used' ? ['create with pull secrets'] : [])];
  const rights = uses.flatMap((use) => RIGHTS[use] ?? []);
  const rules = { local: rulesFor(rights, 'namespace'), cluster: rulesFor(rights, 'cluster') };
  return [configMap, ...bindings(identity, rules), cronJob(settings, configMap)];
};

const TIMEOUT_MINUTES = 60;
const HOUR = 3600; // seconds

const cronJob = (settings: RenewalSettings, configMap: ConfigMap): KubernetesObject => {
  const { metadata } = configMap;
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata,
    spec: {
      schedule: settings.schedule,
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: HOUR,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        spec: {
          backoffLimit: 1,
          activeDeadlineSeconds: 3 * HOUR, // for two tries
          template: { metadata: { labels: metadata.labels }, spec: podSpec(settings, configMap) },
        },
      },
    },
  };
};

const NOBODY = 65534;

const podSpec = ({ prefix, namespace, keepLast, image }: RenewalSettings, configMap: ConfigMap): object => {
  const { name } = configMap.metadata;
  return {
    serviceAccountName: name,
    restartPolicy: 'Never',
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 60, // it removes what it has created
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: NOBODY, runAsGroup: NOBODY, fsGroup: NOBODY },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: CONTAINER,
        image,
        command: runBundle(configMap),
        args: [
          ...['create', '--generate-name', prefix, '--base', prefix, '--keep-last', String(keepLast)],
          ...['--namespace', namespace, '--image', image, '--timeout', `${TIMEOUT_MINUTES}m`],
        ],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: { requests: { cpu: '100m', memory: '256Mi' } },
        terminationMessagePolicy: 'FallbackToLogsOnError',
        volumeMounts: [
          { name: 'tool', mountPath: TOOL_FOLDER, readOnly: true },
          { name: 'tmp', mountPath: RUN_FOLDER },
        ],
      },
    ],
    volumes: [
      { name: 'tool', configMap: { name } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
};
