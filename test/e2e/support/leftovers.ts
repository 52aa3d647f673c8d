import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { poolFolder } from '../../cluster/machine/disk.ts';
import { run } from '../../cluster/machine/run.ts';
import { rootPath } from '../../cluster/node/record.ts';
import { type Cluster, readCluster, STATE } from '../../cluster/state.ts';
import { kubectl, onNode } from './commands.ts';

interface Item {
  kind: string;
  metadata: { name: string };
  spec?: { claimRef?: { namespace: string }; volumeSnapshotRef?: { namespace: string } };
}

const IN_NAMESPACE = 'pods,persistentvolumeclaims,configmaps,secrets,volumesnapshots';
const OF_NAMESPACE = 'persistentvolumes,volumesnapshotcontents';

/** The objects of preloads in the namespace: `Kind name`, or only the kind if the name is generated. */
export const objectsOf = async (namespace: string): Promise<string[]> => {
  const inside = await items(IN_NAMESPACE, '--namespace', namespace);
  const storage = (await items(OF_NAMESPACE)).filter(
    ({ spec }) => (spec?.claimRef ?? spec?.volumeSnapshotRef)?.namespace === namespace,
  );
  return [
    ...inside.map(({ kind, metadata }) => `${kind} ${metadata.name}`).filter((name) => name !== ROOT_CA),
    ...storage.map(({ kind }) => kind),
  ].sort();
};

const ROOT_CA = 'ConfigMap kube-root-ca.crt'; // every namespace has it

const items = async (kinds: string, ...flags: string[]): Promise<Item[]> =>
  JSON.parse(await kubectl(['get', kinds, ...flags, '--output', 'json'])).items;

/** What captures make outside the API: volumes, loop devices, mounts of the node, and files anywhere in its root. */
export const machineState = async (node = 'worker'): Promise<Set<string>> => {
  const cluster = (await readCluster(STATE)) as Cluster;
  const pool = poolFolder(cluster.folder);
  const root = rootPath(cluster, node, '/');
  const loops = lines(await run(['losetup', '--list', '--noheadings', '--output', 'BACK-FILE']));
  const mounts = lines(await onNode(node, ['findmnt', '--list', '--noheadings', '--output', 'TARGET']));
  const files = lines(await run(['find', root, '-path', join(root, 'var/log'), '-prune', '-o', '-print']));
  return new Set(
    [
      ...(await readdir(pool)).map((file) => `volume ${file}`),
      ...loops.filter((file) => file.startsWith(pool)).map((file) => `loop device of ${file}`),
      ...mounts.filter((path) => !OF_ALL_PODS.test(path)).map((path) => `mount ${path}`),
      ...files.map((path) => `file ${path.slice(root.length)}`),
      ...lines(await onNode(node, ['ls', '/run'])).map((path) => `file run/${path}`),
    ].filter((item) => !OF_FIRST_POD.test(item)),
  );
};

// what the first pod of a node leaves there for all others
const OF_FIRST_POD = /^file (var\/lib\/cni|run\/netns)(\/|$)/;

// what the kubelet and containerd mount for every pod, whatever it does
const OF_ALL_PODS = /^\/run\/(containerd|netns)\/|\/kubernetes.io~(projected|configmap|secret)\//;

const lines = (text: string): string[] => text.split('\n').filter(Boolean);
