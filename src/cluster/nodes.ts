import { NODE, type Node, type Taint } from '../model/cluster-objects.ts';
import { PreloadError } from '../model/errors.ts';
import { imageName, parseImage } from '../model/image-reference.ts';
import type { Toleration } from '../model/saved-run.ts';
import type { Cluster } from './connection.ts';
import { list } from './lists.ts';

/** Where to capture, estimated from the nodes' status: it lists at most 50 images, with compressed sizes. */
interface NodeChoice {
  /** the requested node, else the ready node with the most of the images; undefined if no node has any */
  node?: string;
  /** how many of the images it has */
  has: number;
  /** `linux/amd64` */
  platform: string;
  /** no node is ready for the loader yet */
  isAwaited: boolean;
  /** platforms of the other nodes that could be chosen */
  otherPlatforms: string[];
  /** compressed bytes by image name, as far as known; sizes for this platform take precedence */
  sizes: Map<string, number>;
}

interface AskedNode {
  node?: string | undefined;
  platform?: string | undefined;
  /** of the loader */
  toleration: readonly Toleration[];
}

interface Candidate {
  name: string;
  platform: string;
  has: number;
}

/** Throws PreloadError if the requested node does not exist or cannot be used, or if the cluster has no node to wait for. */
export const chooseNode = async (
  cluster: Cluster,
  images: readonly string[],
  asked: AskedNode,
  signal: AbortSignal,
): Promise<NodeChoice> => {
  const wanted = new Set(images);
  const sizes = new Map<string, Map<string, number>>();
  const candidates: Candidate[] = [];
  const later: Candidate[] = []; // cannot be used now
  for await (const node of list(cluster, 'Node', NODE, { signal })) {
    const platform = platformOf(node);
    const found = new Map(imagesOf(node).filter(([name]) => wanted.has(name)));
    sizes.set(platform, new Map([...(sizes.get(platform) ?? []), ...found]));
    const { name } = node.metadata;
    const candidate = { name, platform, has: found.size };
    if (asked.platform && platform !== asked.platform) continue;
    if (asked.node === name) {
      checkCanCapture(node);
      candidates.push(candidate);
    } else if (!asked.node && !obstacleOn(node))
      (isUsable(node, asked.toleration) ? candidates : later).push(candidate);
  }
  const best = bestOf(candidates);
  if (!best && asked.node) throw noNode(asked.node, asked.platform);
  if (!best)
    return {
      has: 0,
      platform: platformOfFuture(later, asked.platform),
      isAwaited: true,
      otherPlatforms: [],
      sizes: merged(sizes),
    };
  const { name, has, platform } = best;
  const others = new Set(candidates.map((candidate) => candidate.platform));
  others.delete(platform);
  const own = sizes.get(platform) ?? [];
  return {
    ...((asked.node || has > 0) && { node: name }),
    has,
    platform,
    isAwaited: false,
    otherPlatforms: [...others].sort(),
    sizes: new Map([...merged(sizes), ...own]),
  };
};

interface Platforms {
  /** of nodes that run a loader, at once or when they are ready */
  open: string[];
  /** whose nodes are all cordoned or have taints that the loader does not tolerate */
  closed: string[];
}

/** Returns the platforms of the nodes on which images can be captured. Throws PreloadError if there are none. */
export const clusterPlatforms = async (
  cluster: Cluster,
  toleration: readonly Toleration[],
  signal: AbortSignal,
): Promise<Platforms> => {
  const nodes = (await Array.fromAsync(list(cluster, 'Node', NODE, { signal }))).filter((node) => !obstacleOn(node));
  const open = new Set(nodes.filter((node) => isOpen(node, toleration)).map(platformOf));
  if (open.size === 0) throw noNodeToCapture();
  const closed = new Set(nodes.map(platformOf).filter((platform) => !open.has(platform)));
  return { open: [...open].sort(), closed: [...closed].sort() };
};

const merged = (sizes: ReadonlyMap<string, ReadonlyMap<string, number>>): Map<string, number> =>
  new Map([...sizes.values()].flatMap((known) => [...known]));

/** The platform of the node that the loader must wait for. Throws PreloadError if nothing tells it. */
const platformOfFuture = (later: readonly Candidate[], asked: string | undefined): string => {
  const platform = asked ?? bestOf(later)?.platform;
  if (platform) return platform;
  throw noNodeToCapture();
};

const noNodeToCapture = (): PreloadError =>
  new PreloadError(
    'the cluster has no Linux node with containerd on which images can be captured',
    'to wait for one that joins later, specify its platform with --platform',
  );

/** Returns the candidate with the most images; among equals, the one with the most common platform or first name. */
const bestOf = (candidates: readonly Candidate[]): Candidate | undefined => {
  const common = new Map<string, number>();
  for (const { platform } of candidates) common.set(platform, (common.get(platform) ?? 0) + 1);
  const [best] = candidates.toSorted(
    (a, b) =>
      b.has - a.has || (common.get(b.platform) ?? 0) - (common.get(a.platform) ?? 0) || (a.name < b.name ? -1 : 1),
  );
  return best;
};

const noNode = (name: string, platform: string | undefined): PreloadError =>
  new PreloadError(
    `node "${name}"${platform ? ` with platform ${platform}` : ''} not found`,
    'see: kubectl get nodes -L kubernetes.io/os,kubernetes.io/arch',
  );

// Linux without a shell and ctr, which the loader runs on the node
const WITHOUT_TOOLS = /^(Talos|Bottlerocket)\b/;

/** What the node runs that makes a capture impossible, as far as it reports that. */
const obstacleOn = ({ status }: Node): string | undefined => {
  const { operatingSystem, containerRuntimeVersion, osImage } = status.nodeInfo;
  if (operatingSystem !== 'linux') return operatingSystem;
  if (!/^(?:containerd:.*)?$/.test(containerRuntimeVersion)) return containerRuntimeVersion;
  return WITHOUT_TOOLS.test(osImage) ? `${osImage}, which has no shell and no ctr` : undefined;
};

const checkCanCapture = (node: Node): void => {
  const obstacle = obstacleOn(node);
  if (!obstacle) return;
  throw new PreloadError(
    `node "${node.metadata.name}" runs ${obstacle}, so no images can be captured there`,
    'specify a Linux node with containerd; see: kubectl get nodes -o wide',
  );
};

const imagesOf = ({ status }: Node): [string, number][] =>
  status.images.flatMap(({ names, sizeBytes }) =>
    names.flatMap((text): [string, number][] => {
      const image = parseImage(text);
      return image ? [[imageName(image), sizeBytes]] : [];
    }),
  );

const platformOf = ({ status }: Node): string => `${status.nodeInfo.operatingSystem}/${status.nodeInfo.architecture}`;

/** The taint of a new node is removed once the node is ready. */
const keepsPodsAway = ({ key, effect }: Taint): boolean =>
  effect !== 'PreferNoSchedule' && key !== 'node.kubernetes.io/not-ready';

/** As the scheduler matches them: without an effect, a toleration is for all. */
const tolerates = (toleration: Toleration, { key, value, effect }: Taint): boolean =>
  toleration.key === key &&
  (toleration.operator === 'Exists' || toleration.value === value) &&
  (toleration.effect ?? effect) === effect;

/** Whether the scheduler puts the loader on a node once that is ready. */
const isOpen = (node: Node, tolerations: readonly Toleration[]): boolean =>
  !node.spec.unschedulable &&
  !node.spec.taints.some((taint) => keepsPodsAway(taint) && !tolerations.some((each) => tolerates(each, taint)));

/** Whether the loader may run on a node without being told to. */
const isUsable = (node: Node, tolerations: readonly Toleration[]): boolean =>
  isOpen(node, tolerations) && node.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
