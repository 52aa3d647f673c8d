import { NODE_PLACE, type PodSpec, RUNNING_POD, type RunningPod } from '../model/cluster-objects.ts';
import type { UsedImage } from '../model/coverage.ts';
import { type ImageReference, imageName } from '../model/image-reference.ts';
import { COMPONENT_LABEL, type Component, selectorLabels } from '../model/names.ts';
import { imagesOf, isForWindows } from '../model/pod-images.ts';
import { chosenPlatform, podImages } from '../model/running-pod.ts';
import type { Cluster } from './connection.ts';
import { customWorkloads } from './custom-workloads.ts';
import { list } from './lists.ts';
import { nullIfForbidden } from './objects.ts';
import { owners, type PodUser } from './workloads.ts';

/** A node as far as it concerns preloads. */
export interface NodePlace {
  name: string;
  /** `linux/amd64` */
  platform: string;
  labels: Readonly<Record<string, string>>;
}

/** Returns all nodes. Null, with a warning, if this user may not list them. */
export const nodePlaces = async (cluster: Cluster, signal: AbortSignal): Promise<NodePlace[] | null> => {
  const nodes = await nullIfForbidden(
    Array.fromAsync(list(cluster, 'Node', NODE_PLACE, { signal }), ({ metadata, status }) => ({
      name: metadata.name,
      platform: `${status.nodeInfo.operatingSystem}/${status.nodeInfo.architecture}`,
      labels: metadata.labels,
    })),
  );
  if (!nodes) cluster.warn('pods count for every platform: this user is not allowed to list nodes');
  return nodes;
};

/**
 * Returns the images that pods run, and those that they would run once their workloads start. Null if this user may not list
 * pods. Without `nodes`, every pod counts for every platform.
 */
export const runningImages = (
  cluster: Cluster,
  nodes: readonly NodePlace[] | null,
  signal: AbortSignal,
): Promise<UsedImage[] | null> => nullIfForbidden(readImages(cluster, nodes ?? [], signal));

const PODS_AT_ONCE = 250; // with what they run, they are large

const readImages = async (cluster: Cluster, nodes: readonly NodePlace[], signal: AbortSignal): Promise<UsedImage[]> => {
  const pods = list(cluster, 'Pod', RUNNING_POD, { signal, page: PODS_AT_ONCE });
  const first = await pods.next(); // throws at once if it is forbidden, before anybody is told what else is
  const found = new Map<string, Found>();
  const query = { labelSelector: undefined, signal };
  for (const workloads of [customWorkloads, owners]) {
    for await (const { user, isOwned, pod } of workloads(cluster, query)) addTemplate(found, pod, { user, isOwned });
  }
  const platforms = new Map(nodes.map(({ name, platform }) => [name, platform]));
  if (!first.done) addPod(found, first.value, platforms);
  for await (const pod of pods) addPod(found, pod, platforms);
  return [...found.values()];
};

type Owner = Pick<PodUser, 'user' | 'isOwned'>;

interface Found extends UsedImage {
  namespaces: Set<string>;
}

const addTemplate = (found: Map<string, Found>, pod: PodSpec, user: Owner): void => {
  if (isForWindows(pod)) return;
  for (const name of imagesOf(pod).images.values()) addAwaited(entryOf(found, name, user), chosenPlatform(pod));
};

const addPod = (found: Map<string, Found>, pod: RunningPod, platforms: ReadonlyMap<string, string>): void => {
  const { metadata, spec } = pod;
  if (isOwn(pod) || isForWindows(spec)) return;
  const { name, namespace, ownerReferences } = metadata;
  const user = { user: { kind: 'pod', namespace, name }, isOwned: ownerReferences.some((owner) => owner.controller) };
  const platform = platforms.get(spec.nodeName ?? '') ?? chosenPlatform(spec);
  const counted = new Set<string>();
  for (const { name: image, digest } of podImages(pod)) {
    const entry = entryOf(found, image, user);
    if (!digest) {
      addAwaited(entry, platform);
      continue;
    }
    const known = entry.running.find((one) => one.digest === digest && one.platform === platform);
    if (!known) entry.running.push({ digest, platform, pods: 1 });
    else if (!counted.has(imageName(image))) known.pods += 1;
    counted.add(imageName(image));
  }
};

const addAwaited = (entry: Found, platform: string | undefined): void => {
  if (platform) entry.awaitedOn.add(platform);
  else entry.isAwaited = true;
};

/** The entry of an image, with one more user; an owned one counts only if its owner could not be listed. */
const entryOf = (found: Map<string, Found>, name: ImageReference, { user, isOwned }: Owner): Found => {
  const key = imageName(name);
  const entry = found.get(key) ?? {
    ...{ name, users: [], running: [], awaitedOn: new Set<string>(), isAwaited: false },
    namespaces: new Set<string>(),
  };
  if (!isOwned || !entry.namespaces.has(user.namespace)) entry.users.push(user);
  entry.namespaces.add(user.namespace);
  found.set(key, entry);
  return entry;
};

const OWN: Component[] = ['loader', 'verify'];

/** Whether a pod is one of this tool, which runs only while a preload is made or checked. */
const isOwn = ({ metadata: { labels } }: RunningPod): boolean =>
  Object.entries(selectorLabels()).every(([label, value]) => labels[label] === value) &&
  OWN.some((component) => labels[COMPONENT_LABEL] === component);
