import { CONTAINER, labels, objectNames, SNAPSHOT_GROUP } from '../model/names.ts';
import type { PodSettings } from '../model/saved-run.ts';
import type { KubernetesObject } from './object.ts';
import { onlyOn, resourcesOf, runsOnce, undisturbed } from './pod-settings.ts';
import { BUNDLE_KEY, type ConfigMap, runBundle, TOOL_FOLDER } from './run-bundle.ts';

/** Settings for the objects of one verification. */
export interface VerifySettings {
  /** name of the preload and its snapshot */
  name: string;
  namespace: string;
  /** version of this tool, for the labels */
  version: string;
  /** Kubernetes quantity, at least the restore size of the snapshot */
  size: string;
  /** a class with the driver that made the snapshot */
  storageClass: string;
  pod: PodSettings;
  /** node on which the pod must run */
  node?: string;
  /** seconds until the pod is stopped, even if this process is gone */
  deadline: number;
}

const VOLUME = '/volume';

const metadata = ({ name, namespace, version }: VerifySettings) => ({
  name: objectNames(name).verify,
  namespace,
  labels: labels(name, 'verify', version),
});

/** Contains the gzipped bundle. */
export const verifyConfigMap = (settings: VerifySettings, bundle: Buffer): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadata(settings),
  immutable: true,
  binaryData: { [BUNDLE_KEY]: bundle.toString('base64') },
});

/** The claim for a clone of the snapshot. */
export const verifyClaim = (settings: VerifySettings): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: metadata(settings),
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: settings.storageClass,
    dataSource: {
      apiGroup: SNAPSHOT_GROUP,
      kind: 'VolumeSnapshot',
      name: objectNames(settings.name).snapshot,
    },
    resources: { requests: { storage: settings.size } },
  },
});

// For reading the files of all owners, and the trusted attributes of overlayfs.
const CAPABILITIES = ['DAC_OVERRIDE', 'SYS_ADMIN'];

/** The pod that reads the clone. It has no access to its node and no service-account token. */
export const verifyPod = (settings: VerifySettings, configMap: ConfigMap): KubernetesObject => {
  const { verify } = objectNames(settings.name);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: undisturbed(metadata(settings)),
    spec: {
      ...runsOnce(settings.deadline, settings.pod),
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      ...(settings.node && onlyOn(settings.node)),
      containers: [
        {
          name: CONTAINER,
          image: settings.pod.image,
          command: runBundle(configMap),
          args: ['verify', '--volume', VOLUME, '--events'],
          securityContext: {
            runAsUser: 0,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'], add: CAPABILITIES },
            seccompProfile: { type: 'RuntimeDefault' },
            seLinuxOptions: { type: 'spc_t' }, // other types need relabelling, which a read-only volume does not allow
          },
          resources: resourcesOf({ cpu: '100m', memory: '128Mi' }, settings.pod),
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: [
            { name: 'tool', mountPath: TOOL_FOLDER, readOnly: true },
            { name: 'volume', mountPath: VOLUME, readOnly: true },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
      ],
      volumes: [
        { name: 'tool', configMap: { name: verify } },
        { name: 'volume', persistentVolumeClaim: { claimName: verify, readOnly: true } },
        { name: 'tmp', emptyDir: {} },
      ],
    },
  };
};
