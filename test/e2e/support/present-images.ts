import { becomes, kubectl } from './commands.ts';
import { list, type PullPolicy, pod, podSpec } from './workloads.ts';

// few enough for the kubelet to report every container: it sends at most 25 events of a pod at once
const CONTAINERS = 6;

/** Runs a container of each image on the node; every one must start from what containerd has. */
export const runWithoutPulling = async (
  namespace: string,
  node: string,
  images: readonly string[],
  policy: PullPolicy,
): Promise<void> => {
  const pods = inGroups(images).map((group, number) => ({
    name: `${node}-${policy.toLowerCase()}-${number}`,
    spec: podSpec(group, { nodeName: node }, policy),
    pulled: group.map((image) => `Container image "${image}" already present on machine`),
  }));
  await kubectl(['apply', '-f', '-'], list(pods.map(({ name, spec }) => pod(namespace, name, spec))));
  for (const { name, pulled } of pods) {
    await kubectl(['wait', '-n', namespace, '--for=condition=Ready', '--timeout=120s', `pod/${name}`]);
    await becomes(pulled.sort(), () => pulledEvents(namespace, name));
  }
};

/** Proves that the node cannot get an image from anywhere else. */
export const failToPull = async (namespace: string, node: string, image: string): Promise<void> => {
  const name = `${node}-absent`;
  await kubectl(['apply', '-f', '-'], pod(namespace, name, podSpec([image], { nodeName: node })));
  const waiting = '{.status.containerStatuses[0].state.waiting.reason}';
  await kubectl(['wait', '-n', namespace, `--for=jsonpath=${waiting}=ErrImagePull`, '--timeout=60s', `pod/${name}`]);
};

const inGroups = (images: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(images.length / CONTAINERS) }, (_, group) =>
    images.slice(group * CONTAINERS, (group + 1) * CONTAINERS),
  );

const pulledEvents = async (namespace: string, name: string): Promise<string[]> => {
  const selector = `involvedObject.name=${name},reason=Pulled`;
  const events = await kubectl(['get', 'events', '-n', namespace, '--field-selector', selector, '-o', 'json']);
  return JSON.parse(events)
    .items.map(({ message }: { message: string }) => message)
    .sort();
};
