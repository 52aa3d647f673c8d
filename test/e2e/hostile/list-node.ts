import assert from 'node:assert/strict';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PrivateNode } from '../../harness/private-node.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
/**
 * Where a node has files of its own. Elsewhere, other processes of this machine may write meanwhile: logs, or packages that
 * other tests install.
 */
const FOLDERS = ['boot', 'etc', 'home', 'media', 'mnt', 'opt', 'root', 'run', 'srv', 'var'];
/** Left out, because they may change: what other processes of this machine use, and what the node's containerd writes. */
const CHANGES = [
  tmpdir(),
  REPOSITORY.split('/', 3).join('/'), // with its neighbours
  ...['.cache', '.npm', '*/*/*'].map((name) => join(homedir(), name)), // toolchains, among others
  '*/containerd/io.containerd.[ms]*', // metadata, mount-manager, snapshotter
];

/**
 * Every file in these folders of the node: path, type, mode, owner, size, time of change, and where a link leads. At the top,
 * all entries too, but without size and time.
 */
export const listNode = async (node: PrivateNode): Promise<string> => {
  const left = CHANGES.flatMap((path) => ['-path', path, '-prune', '-o']);
  const format = '%p %y %#m %U:%G %s %T@ %l\\n';
  const folders = FOLDERS.map((name) => `/${name}/`);
  const inside = await node.run(['find', ...folders, ...left, '-printf', format]);
  assert.ok(inside.code === 0 || /No such file/.test(inside.stderr), inside.stderr); // a file that is gone meanwhile
  const top = await node.run(['find', '/', '-maxdepth', '1', '-printf', '%p %y %#m %U:%G %l\\n']);
  assert.equal(top.code, 0, top.stderr);
  return top.stdout + inside.stdout;
};
