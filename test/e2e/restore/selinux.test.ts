import assert from 'node:assert/strict';
import { join } from 'node:path';
import { run } from '../../cluster/machine/run.ts';
import type { Outcome, PrivateNode } from '../../harness/private-node.ts';
import { newVolume, onNode } from './restored-node.ts';
import { app, pause } from './small-images.ts';

const volume = await newVolume('volume', [app, pause], { blobs: true });

/** A fixture: this kernel has no SELinux, so the node gets a file that says that it enforces, or does not enforce, it. */
const SELINUX = 'mount -t tmpfs tmpfs /sys/fs; mkdir /sys/fs/selinux; echo "$0" >/sys/fs/selinux/enforce; exec "$@"';

const restoreWith = (enforce: '0' | '1', node: PrivateNode, shell: string, ...args: string[]): Promise<Outcome> =>
  node.run([
    ...['unshare', '--mount', 'sh', '-euc', SELINUX, enforce],
    ...[...shell.split(' '), join(volume.path, 'restore.sh'), ...args],
  ]);

/** Also a fixture: the label of all files, as the capture node stores it, and as a mount with `context=` would show it. */
const setLabel = (label: string): Promise<string> =>
  run(['sh', '-euc', 'find "$0/layers" -exec setfattr -h -n security.selinux -v "$1" {} +', volume.path, label]);

const WARNING = /^preload: warning: SELinux is enforcing, and the layers on the volume have (.+?): .* (-o \S+)$/m;
const OPTION = '-o ro,context=system_u:object_r:container_ro_file_t:s0';

/** The label that it warns of; undefined if it does not. */
const warnedOf = async (node: PrivateNode, shell: string, enforce: '0' | '1', ...args: string[]) => {
  const { code, stderr } = await restoreWith(enforce, node, shell, ...args);
  assert.equal(code, 0, stderr);
  const [line = '', label, option] = WARNING.exec(stderr) ?? [];
  if (!label) return undefined;
  assert.equal(option, OPTION);
  assert.ok(!stderr.includes('preload: link:') || stderr.indexOf(line) < stderr.indexOf('preload: link:'), stderr);
  return label;
};

onNode('2', 'warns of labels that SELinux may hide from containers, before it changes anything', async (node) => {
  const warned = (enforce: '0' | '1', ...args: string[]) => warnedOf(node, 'dash', enforce, ...args);
  await setLabel('system_u:object_r:var_lib_t:s0');
  assert.equal(await warned('1'), 'the label system_u:object_r:var_lib_t:s0');
  assert.equal(await warned('0'), undefined, 'permissive');
  assert.equal(
    await warned('1', '--mode', 'import'),
    undefined,
    'containerd unpacks, so its files get what the policy says',
  );
  await setLabel('system_u:object_r:container_file_t:s0:c1,c2');
  assert.match((await warned('1')) ?? '', /:c1,c2$/, 'for one container alone');
  for (const type of ['container_file_t', 'container_ro_file_t']) {
    await setLabel(`system_u:object_r:${type}:s0`);
    assert.equal(await warned('1'), undefined, type);
  }
  assert.doesNotMatch((await node.run(['sh', join(volume.path, 'restore.sh')])).stderr, /SELinux/, 'no SELinux');
});

onNode('2', 'warns if the tools of the node cannot tell the labels', async (node) => {
  await setLabel('system_u:object_r:container_file_t:s0');
  assert.equal(await warnedOf(node, 'busybox sh', '1'), 'an unknown label');
});
