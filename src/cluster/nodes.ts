import { PreloadError } from '../model/errors.ts';
import { imageName, parseImage } from '../model/image-reference.ts';
import type { Cluster } from './connection.ts';
import { list } from './objects.ts';

interface Node {
  metadata: { name: string };
  spec?: { unschedulable?: boolean };
  status?: {
    nodeInfo?: { operatingSystem: string; architecture: string };
    conditions?: { type: string; status: string }[];
    images?: { names?: string[]; sizeBytes?: number }[];
  };
}

/** Where to capture, from what the nodes' status tells: a hint, as it lists at most 50 images with compressed sizes. */
export interface NodeChoice {
  /** the one asked for, else the ready one with the most of the images, where any has one */
  node?: string;
  /** how many it has */
  has: number;
  /** `linux/amd64` */
  platform: string;
  /** compressed bytes by image name, as far as known */
  sizes: Map<string, number>;
}

export interface AskedNode {
  node?: string | undefined;
  platform?: string | undefined;
}

/** Throws PreloadError where the node asked for is not there, or no node is of the platform asked for. */
export const chooseNode = async (
  cluster: Cluster,
  images: readonly string[],
  asked: AskedNode,
  signal: AbortSignal,
): Promise<NodeChoice> => {
  const wanted = new Set(images);
  const sizes = new Map<string, number>();
  let best: { node: Node; has: number } | undefined;
  for await (const node of list<Node>(cluster, 'Node', { signal })) {
    const found = imagesOf(node).filter(([name]) => wanted.has(name));
    for (const [name, size] of found) sizes.set(name, size);
    const has = new Set(found.map(([name]) => name)).size;
    const isAsked = asked.node ? node.metadata.name === asked.node : isUsable(node);
    const fits = !asked.platform || platformOf(node) === asked.platform;
    if (isAsked && fits && (!best || has > best.has)) best = { node, has };
  }
  if (!best) throw noNode(asked);
  const { node, has } = best;
  const named = asked.node || has > 0;
  return { ...(named && { node: node.metadata.name }), has, platform: platformOf(node), sizes };
};

const noNode = ({ node, platform }: AskedNode): PreloadError => {
  const what = node ? `node "${node}"` : 'ready node';
  return new PreloadError(
    platform ? `no ${what} of platform ${platform}` : node ? `${what} not found` : `no ${what}`,
    'see: kubectl get nodes -o wide',
  );
};

const imagesOf = ({ status }: Node): [string, number][] =>
  (status?.images ?? []).flatMap(({ names, sizeBytes = 0 }) =>
    (names ?? []).flatMap((text): [string, number][] => {
      const image = parseImage(text);
      return image ? [[imageName(image), sizeBytes]] : [];
    }),
  );

const platformOf = ({ status }: Node): string =>
  `${status?.nodeInfo?.operatingSystem}/${status?.nodeInfo?.architecture}`;

const isUsable = (node: Node): boolean =>
  platformOf(node).startsWith('linux/') &&
  !node.spec?.unschedulable &&
  (node.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
