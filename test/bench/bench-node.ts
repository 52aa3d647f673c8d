import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { binaryFolder } from '../cluster/components.ts';
import { run } from '../cluster/machine/run.ts';
import { type ContainerdVersion, containerdSource } from '../cluster/node/config.ts';
import { type PrivateNode, startPrivateNode } from '../harness/private-node.ts';

/** Boots a node with an empty store in a new folder below `parent`, for as long as `body` takes. */
export const withNode = async <T>(
  parent: string,
  version: ContainerdVersion,
  body: (node: PrivateNode, root: string) => Promise<T>,
  config = '',
): Promise<T> => {
  const root = await mkdtemp(join(parent, 'node-'));
  const node = await startPrivateNode(root, await binaryFolder(containerdSource(version)), config);
  try {
    return await body(node, root);
  } finally {
    await node.stop();
    await rm(root, { recursive: true });
  }
};

/** Runs commands on the node; throws with what a failing one says. */
export const onNode =
  (node: PrivateNode) =>
  async (argv: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await node.run(argv);
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
    return stdout;
  };

/** Lets containerd remove now what it would remove later, and writes what is in memory. */
export const collectGarbage = async (node: PrivateNode): Promise<void> => {
  await node.ctr('leases', 'create', '--id', 'collect-garbage');
  await node.ctr('leases', 'delete', '--sync', 'collect-garbage');
  await run(['sync']);
};
