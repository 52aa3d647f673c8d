import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { binaryFolder, provide, type Source } from '../../cluster/components.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { CONTAINERD_VERSIONS, type ContainerdVersion, containerdSource } from '../../cluster/node/config.ts';
import { type Outcome, type PrivateNode, startPrivateNode } from '../../harness/private-node.ts';
import { type SmallImage, type SmallVolumeOptions, writeSmallVolume } from './small-volume.ts';

export const STATE = '/var/lib/kubectl-preload';

/** The file that keeps a unit of systemd from starting without the volume. */
export const guardOf = ({ set }: Pick<SmallVolume, 'set'>, unit = 'containerd'): string =>
  `/etc/systemd/system/${unit}.service.d/kubectl-preload-${set}.conf`;

const CRICTL: Source = { module: 'cri-tools' };
const FILE_TREE = await readFile(join(import.meta.dirname, '../../harness/file-tree.sh'), 'utf8');

const folder = await mkdtemp(join(tmpdir(), 'preload-restore-'));
after(() => rm(folder, { recursive: true }));
await ensurePackages(['attr', 'busybox-static'], console.error);
await provide([CRICTL, ...CONTAINERD_VERSIONS.map(containerdSource)], console.error);

export interface SmallVolume {
  path: string;
  set: string;
}

export const newVolume = async (
  name: string,
  images: SmallImage[],
  options?: SmallVolumeOptions,
): Promise<SmallVolume> => {
  const path = join(folder, name);
  await mkdir(path);
  return { path, set: await writeSmallVolume(path, images, options) };
};

/** A test on a node of its own; `files` is a folder for what it needs. */
export const onNode = (
  version: ContainerdVersion,
  title: string,
  body: (node: PrivateNode, files: string) => Promise<void>,
  { config = '', crictl = true } = {},
): Promise<void> =>
  test(`containerd ${version}: ${title}`, async () => {
    const files = await mkdtemp(join(folder, 'node-'));
    const sources = [containerdSource(version), ...(crictl ? [CRICTL] : [])];
    const binaries = await Promise.all(sources.map((source) => binaryFolder(source)));
    const node = await startPrivateNode(join(files, 'root'), binaries.filter(Boolean).join(':'), config);
    await body(node, files).finally(node.stop);
  });

export const restore = (node: PrivateNode, { path }: Pick<SmallVolume, 'path'>, ...args: string[]): Promise<Outcome> =>
  node.run(['sh', join(path, 'restore.sh'), ...args]);

/** What a node may have as `sh`. */
export const SHELLS = ['dash', 'busybox sh'] as const;

export const restoreIn = (
  shell: string,
  node: PrivateNode,
  { path }: Pick<SmallVolume, 'path'>,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Outcome> => {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return node.run(['env', ...variables, ...shell.split(' '), join(path, 'restore.sh'), ...args]);
};

/** Result file of the last run. */
export const result = async (node: PrivateNode, action = 'restore') =>
  JSON.parse((await node.run(['cat', `/run/kubectl-preload/${action}.json`])).stdout);

/** The set that each linked layer in containerd's store leads to, after garbage collection. */
export const targets = async (node: PrivateNode): Promise<string[]> => {
  await collectGarbage(node);
  const snapshots = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs';
  const { stdout } = await node.run(['find', snapshots, '-lname', `${STATE}/*`, '-printf', '%l\\n']);
  return lines(stdout).map((link) => link.slice(STATE.length + 1).split('/')[0] ?? '');
};

export const collectGarbage = async (node: PrivateNode): Promise<void> => {
  await node.ctr('leases', 'rm', '--sync', (await node.ctr('leases', 'create')).trim());
};

/** Names of images whose labels fit, e.g. `key` or `key==value`. */
export const labelled = async (node: PrivateNode, label: string): Promise<string[]> => {
  const [key, value] = label.split('==');
  return lines(await node.ctr('images', 'ls', '-q', `labels."${key}"${value ? `==${value}` : ''}`)).sort();
};

/** Number of images with a pinned name: one is enough to pin an image. */
export const pinned = async (node: PrivateNode): Promise<number> => {
  const table = lines(await node.ctr('images', 'ls', 'labels."io.cri-containerd.pinned"==pinned'));
  const images = table.slice(1).map((line) => line.split(/\s+/));
  return new Set(images.filter(([name]) => !name?.startsWith('sha256:')).map(([, , digest]) => digest)).size;
};

/** Every name of every image that CRI lists. */
export const criNames = async (node: PrivateNode): Promise<string[]> => {
  const { stdout } = await node.run(['crictl', 'images', '--output', 'json']);
  const { images }: { images: Record<'repoTags' | 'repoDigests', string[]>[] } = JSON.parse(stdout);
  return images.flatMap(({ repoTags, repoDigests }) => [...repoTags, ...repoDigests]).sort();
};

export const store = async (node: PrivateNode): Promise<string[]> => [
  await node.ctr('images', 'ls'),
  await node.ctr('snapshots', 'ls'),
];

/** Removes all images and layers from containerd's store. */
export const emptyStore = async (node: PrivateNode): Promise<void> => {
  const script = `export CONTAINERD_NAMESPACE=k8s.io
    ctr leases ls -q | xargs -r ctr leases rm # of killed imports
    ctr images ls -q | xargs -r ctr images rm
    ctr snapshots ls | awk 'NR > 1 { print $1 }' | while read -r key; do
      ctr snapshots label "$key" containerd.io/gc.root= || true # collected meanwhile
    done`;
  await node.run(['sh', '-c', script]);
  await collectGarbage(node);
  assert.deepEqual(lines(await node.ctr('snapshots', 'ls')).length, 1);
};

/** Everything that a container of the image would see. */
export const rootFilesystem = async (
  node: PrivateNode,
  { name }: SmallImage,
  namespace = 'k8s.io',
): Promise<string> => {
  const script = `root=$(mktemp -d); ctr -n "$1" images mount "$2" "$root" >&2
    sh -c "$3" sh "$root"; ctr -n "$1" images unmount --rm "$root" >&2; rmdir "$root"`;
  const { code, stdout, stderr } = await node.run(['sh', '-euc', script, 'sh', namespace, name, FILE_TREE]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
};

export const lines = (text: string): string[] => text.split('\n').filter(Boolean);
