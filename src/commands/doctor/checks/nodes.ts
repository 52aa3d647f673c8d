import { chooseNode } from '../../../cluster/nodes.ts';
import type { Node } from '../../../model/cluster-objects.ts';
import { containerdVersion, honoursPins, isSupported } from '../../../model/containerd-version.ts';
import { type Finding, ok, warning } from '../../../model/finding.ts';
import { SNAPSHOTTER } from '../../../model/layout.ts';
import { firstOf, formatBytes, parseQuantity, plural } from '../../../model/units.ts';
import type { Check } from '../check.ts';
import type { Survey } from '../survey.ts';

export const NODE_CHECKS: readonly Check[] = [
  { id: 'capture-node', title: 'Capture node', check: (survey) => checkCaptureNode(survey) },
  { id: 'containerd', title: 'containerd', check: async ({ nodes }) => runtimes(await nodes()) },
  { id: 'snapshotter', title: 'Snapshotter', check: async ({ nodes }) => snapshotters(await nodes()) },
  { id: 'node-disks', title: 'Node disks', check: (survey) => checkDisks(survey) },
];

const checkCaptureNode = async ({ cluster, options, signal }: Survey): Promise<Finding> => {
  const { isAwaited, platform, otherPlatforms } = await chooseNode(cluster, [], options, signal);
  if (isAwaited) {
    return warning(
      `no ${platform} node is ready for the loader and without taints, so create would wait for one`,
      'see: kubectl get nodes; or accept a taint with --toleration, or specify a node with --node',
    );
  }
  const others = otherPlatforms.length > 0 ? `, also possible: ${otherPlatforms.join(', ')}` : '';
  return ok(`${options.node ? `${options.node}, ` : ''}${platform}${others}`);
};

const nameOf = ({ metadata }: Node): string => metadata.name;

/** What the nodes' runtimes can do with a preload. */
export const runtimes = (nodes: readonly Node[]): Finding => {
  const versionOf = ({ status }: Node) => containerdVersion(status.nodeInfo.containerRuntimeVersion);
  const unfit = nodes.filter((node) => {
    const version = versionOf(node);
    return !version || !isSupported(version);
  });
  if (unfit.length > 0) {
    const [first] = unfit;
    return warning(
      `${plural(unfit.length, 'node')} without containerd 1.6 or newer: ${firstOf(unfit.map(nameOf))} (${first?.status.nodeInfo.containerRuntimeVersion})`,
      'such nodes cannot use a preload; use containerd 1.7 or 2',
      unfit.map(nameOf),
    );
  }
  const found = new Set(
    nodes.map(({ status }) => status.nodeInfo.containerRuntimeVersion.replace('containerd://', '')),
  );
  return ok(`${plural(nodes.length, 'node')} with ${firstOf([...found].sort(), 4)}`);
};

/** The nodes whose containerd does not tell the kubelet what is pinned. */
export const withoutPins = (nodes: readonly Node[]): string[] =>
  nodes
    .filter(({ status }) => {
      const version = containerdVersion(status.nodeInfo.containerRuntimeVersion);
      return version && !honoursPins(version);
    })
    .map(nameOf);

const ARGUMENTS = ['k3s.io/node-args', 'rke2.io/node-args'];

/** Only k3s and RKE2 show the snapshotter in the API. */
export const snapshotters = (nodes: readonly Node[]): Finding | undefined => {
  const others = nodes.flatMap((node) => {
    const given = ARGUMENTS.flatMap((key) => node.metadata.annotations?.[key] ?? []).join();
    const [, name] = /"--snapshotter[=",\s]+"?([\w-]+)/.exec(given) ?? [];
    return name && name !== SNAPSHOTTER ? [`${nameOf(node)} (${name})`] : [];
  });
  if (others.length === 0) return undefined;
  return warning(
    `${plural(others.length, 'node')} without ${SNAPSHOTTER}, which cannot link layers: ${firstOf(others)}`,
    `use ${SNAPSHOTTER}, or create with --layout blobs, from which such nodes import`,
    others,
  );
};

const checkDisks = async ({ nodes, preloads }: Survey): Promise<Finding | undefined> => {
  const sizes = (await preloads().catch(() => [])).flatMap(({ phase, size, name }) =>
    phase === 'Ready' && size ? [{ name, size }] : [],
  );
  const largest = sizes.toSorted((a, b) => b.size - a.size)[0];
  if (!largest) return undefined;
  const found = (await nodes()).flatMap((node) => {
    const bytes = diskOf(node);
    return bytes === undefined ? [] : [{ name: nameOf(node), bytes }];
  });
  const small = found.filter(({ bytes }) => bytes < largest.size).map(({ name }) => name);
  const size = `preload ${largest.name} (${formatBytes(largest.size)})`;
  if (small.length > 0) {
    return warning(
      `${plural(small.length, 'node')} cannot hold a copy of ${size}: ${firstOf(small)}`,
      'keep the disk of the preload attached: restore.sh without --settle and without --mode copy or import',
      small,
    );
  }
  return found.length > 0 ? ok(`${plural(found.length, 'node')} can also hold a copy of ${size}`) : undefined;
};

/** The kubelet gives plain bytes. */
const diskOf = ({ status }: Node): number | undefined => parseQuantity(status.allocatable?.['ephemeral-storage'] ?? '');
