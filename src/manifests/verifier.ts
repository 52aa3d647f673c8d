import { labels, objectNames } from '../model/names.ts';
import { BUNDLE_KEY } from './loader.ts';
import { COMMAND, LOADER, onlyOn, TOOL } from './loader-pod.ts';
import type { KubernetesObject } from './object.ts';

/** What the objects of one verification are built from. */
export interface VerifySettings {
  /** of the preload and its snapshot */
  name: string;
  namespace: string;
  /** of this tool, for the labels */
  version: string;
  /** Kubernetes quantity, at least what the snapshot asks for */
  size: string;
  /** of the driver that made the snapshot */
  storageClass: string;
  /** of the pod: any with a node ≥ 22 and GNU tar */
  image: string;
  /** the pod must run there */
  node?: string;
  /** seconds until the pod is stopped, whatever becomes of this process */
  deadline: number;
}

const VOLUME = '/volume';

const metadata = ({ name, namespace, version }: VerifySettings) => ({
  name: objectNames(name).verify,
  namespace,
  labels: labels(name, 'verify', version),
});

/** Brings the bundle, gzipped. */
export const verifyConfigMap = (settings: VerifySettings, bundle: Buffer): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadata(settings),
  immutable: true,
  binaryData: { [BUNDLE_KEY]: bundle.toString('base64') },
});

/** A clone of the snapshot. */
export const verifyClaim = (settings: VerifySettings): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: metadata(settings),
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: settings.storageClass,
    dataSource: {
      apiGroup: 'snapshot.storage.k8s.io',
      kind: 'VolumeSnapshot',
      name: objectNames(settings.name).snapshot,
    },
    resources: { requests: { storage: settings.size } },
  },
});

// Files of all owners are read, and the attributes that overlayfs keeps for itself.
const CAPABILITIES = ['DAC_OVERRIDE', 'SYS_ADMIN'];

/** The pod that reads the clone. It sees nothing of its node, has no network of it and no service-account token. */
export const verifyPod = (settings: VerifySettings): KubernetesObject => {
  const { verify } = objectNames(settings.name);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadata(settings),
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: settings.deadline,
      terminationGracePeriodSeconds: 10,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      ...(settings.node && onlyOn(settings.node)),
      containers: [
        {
          name: LOADER,
          image: settings.image,
          command: COMMAND,
          args: ['verify', '--volume', VOLUME, '--events'],
          securityContext: {
            runAsUser: 0,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'], add: CAPABILITIES },
            seccompProfile: { type: 'RuntimeDefault' },
            seLinuxOptions: { type: 'spc_t' }, // a read-only volume is not relabelled for other types
          },
          resources: { requests: { cpu: '100m', memory: '128Mi' } },
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: [
            { name: 'tool', mountPath: TOOL, readOnly: true },
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
