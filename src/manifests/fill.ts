import { filledLabel } from '../model/fill.ts';
import { COMPONENT_LABEL, CONTAINER, INSTANCE_LABEL, labels, objectNames, SNAPSHOT_GROUP } from '../model/names.ts';
import type { NodeDisk } from '../model/node-disk.ts';
import type { KubernetesObject } from './object.ts';
import { undisturbed } from './pod-settings.ts';
import { bundleConfigMap, type ConfigMap, runBundle, TOOL_FOLDER } from './run-bundle.ts';
import { bindings } from './service-account.ts';

export interface FillSettings {
  disk: NodeDisk;
  /** version of this tool, for the labels */
  version: string;
  /** Kubernetes quantity, at least the restore size of the snapshot */
  size: string;
  /** a class with the driver that made the snapshot */
  storageClass: string;
  /** of the pods */
  image: string;
}

const HOST = '/host';
const VOLUME = '/volume';

/** All objects that fill nodes: the last one is the DaemonSet. */
export const fillObjects = (settings: FillSettings, bundle: Buffer): KubernetesObject[] => {
  const { name, namespace } = settings.disk;
  const identity = { name: objectNames(name).fill, namespace, labels: labels(name, 'fill', settings.version) };
  const configMap = bundleConfigMap(identity, bundle);
  return [
    configMap,
    ...bindings(identity, { cluster: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'patch'] }] }),
    daemonSet(settings, configMap),
  ];
};

const daemonSet = (settings: FillSettings, configMap: ConfigMap): KubernetesObject => {
  const { metadata } = configMap;
  const { labels, annotations } = undisturbed(metadata);
  const matchLabels = { [INSTANCE_LABEL]: settings.disk.name, [COMPONENT_LABEL]: 'fill' };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata,
    spec: {
      selector: { matchLabels },
      template: { metadata: { labels, annotations }, spec: podSpec(settings, configMap) },
    },
  };
};

const podSpec = ({ disk, size, storageClass, image }: FillSettings, configMap: ConfigMap): object => {
  const { name } = configMap.metadata;
  const [os, arch] = disk.platform.split('/');
  const expressions = [
    { key: filledLabel(disk.set), operator: 'DoesNotExist' },
    { key: 'kubernetes.io/os', operator: 'In', values: [os] },
    { key: 'kubernetes.io/arch', operator: 'In', values: [arch] },
  ];
  return {
    serviceAccountName: name,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 5,
    hostNetwork: true, // starts before the node has a network for pods
    dnsPolicy: 'Default',
    tolerations: [{ operator: 'Exists' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: expressions }] },
      },
    },
    containers: [
      {
        name: CONTAINER,
        image,
        command: runBundle(configMap),
        args: [
          ...['fill', '--node', '$(NODE)', '--set', disk.set, '--expect', disk.contentsDigest],
          ...['--volume', VOLUME, '--root', HOST],
        ],
        env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        securityContext: { privileged: true, runAsUser: 0 },
        resources: { requests: { cpu: '100m', memory: '128Mi' } },
        terminationMessagePolicy: 'FallbackToLogsOnError',
        volumeMounts: [
          { name: 'tool', mountPath: TOOL_FOLDER, readOnly: true },
          { name: 'volume', mountPath: VOLUME, readOnly: true },
          { name: 'host', mountPath: HOST },
        ],
      },
    ],
    volumes: [
      { name: 'tool', configMap: { name } },
      {
        name: 'volume',
        ephemeral: {
          volumeClaimTemplate: {
            spec: {
              accessModes: ['ReadWriteOnce'],
              storageClassName: storageClass,
              dataSource: { apiGroup: SNAPSHOT_GROUP, kind: 'VolumeSnapshot', name: disk.name },
              resources: { requests: { storage: size } },
            },
          },
        },
      },
      { name: 'host', hostPath: { path: '/', type: 'Directory' } },
    ],
  };
};
