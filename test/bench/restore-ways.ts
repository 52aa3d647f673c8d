import { join } from 'node:path';
import { run } from '../cluster/machine/run.ts';
import { until } from '../cluster/machine/until.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { onNode } from './bench-node.ts';
import { round } from './timing.ts';

/** Imports all images on the volume at `path` into the node's containerd. */
type Way = (node: PrivateNode, path: string) => Promise<unknown>;

const shell = (node: PrivateNode, command: string): Promise<string> => onNode(node)(['sh', '-c', command]);

const restore =
  (mode: string): Way =>
  (node, path) =>
    shell(node, `sh ${path}/restore.sh ${mode}`);

/** What restore.sh left for programs, if it ran. */
export const outcome = async (node: PrivateNode) => {
  const { code, stdout } = await node.run(['cat', '/run/kubectl-preload/restore.json']);
  return code === 0 ? JSON.parse(stdout) : undefined;
};

export const WAYS = {
  original: (node, path) =>
    shell(node, `for file in ${path}/archives/*; do ctr -n k8s.io images import $file || exit; done`),
  archive: (node, path) => shell(node, `ctr -n k8s.io images import ${path}/all.tar`),
  import: restore('--mode import'),
  copy: restore('--mode copy'),
  link: restore('--mode link'),
  settle: restore('--settle'),
} satisfies Record<string, Way>;

export type WayName = keyof typeof WAYS;

/** Waits until a settling restore has copied everything. */
export const settled = (node: PrivateNode): Promise<void> =>
  until('the end of the copying', async () => (await outcome(node))?.mode === 'copy', 600);

/** Runs a container of each image to its end, and waits for what the volume's disk has of it. */
export const runContainers = async (node: PrivateNode, names: readonly string[]): Promise<void> => {
  for (const [number, name] of names.entries()) {
    await node.ctr(
      'run',
      '--rm',
      '--snapshotter',
      'overlayfs',
      name,
      `bench-${number}`,
      '/bin/sh',
      '-c',
      'ls /srv/*/*',
    );
  }
};

/** MiB that the node's containerd has on the node's disk. */
export const storeMegabytes = async (folder: string): Promise<number> =>
  round(Number.parseInt(await run(['du', '-sk', join(folder, 'containerd')]), 10) / 1024);
