import assert from 'node:assert/strict';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { PrivateNode } from '../../harness/private-node.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const NEIGHBOURS = dirname(REPOSITORY);
/** Left out, since they may change: what other processes of this machine use, and what the node's containerd notes down. */
const CHANGES = [
  ...['/proc', '/sys', '/dev', tmpdir()],
  NEIGHBOURS === '/' ? REPOSITORY : NEIGHBOURS, // other worktrees
  '/usr', // packages that other tests install
  ...['.cache', '.npm', '*/*/*'].map((name) => join(homedir(), name)), // toolchains, among others
  '*/containerd/io.containerd.[ms]*', // metadata, mount-manager, snapshotter
];

/** Every file of the node: path, type, mode, owner, size, time of change, and where a link leads. */
export const listNode = async (node: PrivateNode): Promise<string> => {
  const left = CHANGES.flatMap((path) => ['-path', path, '-prune', '-o']);
  const format = '%p %y %#m %U:%G %s %T@ %l\\n';
  const { code, stdout, stderr } = await node.run(['find', '/', ...left, '-printf', format]);
  assert.ok(code === 0 || /No such file/.test(stderr), stderr); // a file that is gone meanwhile
  return stdout;
};
