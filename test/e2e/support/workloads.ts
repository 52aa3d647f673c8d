export type PullPolicy = 'Never' | 'IfNotPresent';

interface PodSpec {
  containers: { image: string; imagePullPolicy: PullPolicy }[];
  [field: string]: unknown;
}

/** A spec for a pod that runs the images side by side and ends as soon as it is told to. */
export const podSpec = (
  images: readonly string[],
  more: object = {},
  policy: PullPolicy = 'IfNotPresent',
): PodSpec => ({
  terminationGracePeriodSeconds: 0,
  containers: images.map((image, index) => ({ name: `container-${index}`, image, imagePullPolicy: policy })),
  ...more,
});

export const pod = (namespace: string, name: string, spec: PodSpec): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name },
  spec,
});

/** A Deployment, StatefulSet or DaemonSet. */
export const workload = (kind: string, namespace: string, name: string, spec: PodSpec, more: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { namespace, name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec },
    ...more,
  },
});

export const job = (namespace: string, name: string, spec: PodSpec): object => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { namespace, name },
  spec: jobSpec(spec),
});

/** A CronJob that never comes to run. */
export const cronJob = (namespace: string, name: string, spec: PodSpec): object => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { namespace, name },
  spec: { schedule: '0 0 31 2 *', jobTemplate: { spec: jobSpec(spec) } },
});

const jobSpec = (spec: PodSpec): object => ({ template: { spec: { ...spec, restartPolicy: 'Never' } } });

export const list = (items: readonly object[]): object => ({ apiVersion: 'v1', kind: 'List', items });
