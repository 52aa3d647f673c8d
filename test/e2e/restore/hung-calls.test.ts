import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../cluster/machine/until.ts';
import { outcome, type PrivateNode } from '../../harness/private-node.ts';
import { ctrWith, LINKING } from './faulty-ctr.ts';
import {
  criNames,
  lines,
  newVolume,
  onNode,
  restore,
  restoreIn,
  result,
  SHELLS,
  type SmallVolume,
} from './restored-node.ts';
import { app, pause, web } from './small-images.ts';
import { pullSmallImage, type SmallImage } from './small-volume.ts';

const own: SmallImage = { name: 'registry.test/own:1', layers: ['base', 'own'] };

const volume = await newVolume('volume', [app, web, pause], { blobs: true });
const webVolume = await newVolume('web', [web]);

const LIMITS = { PRELOAD_CALL_LIMIT: '2', PRELOAD_LONG_CALL_LIMIT: '3', PRELOAD_LOCK_LIMIT: '1' };
const PATIENCE = 25_000; // ms, for a whole run with one call that hangs

const EXPIRED = /error: .* \(ctr did not end within [23] s\)/;

const names = async (node: PrivateNode) => [
  ...lines(await node.ctr('images', 'ls', '-q')).sort(),
  ...(await criNames(node)),
];

const succeed = async (node: PrivateNode, from: SmallVolume, ...args: string[]): Promise<void> => {
  const { code, stderr } = await restore(node, from, ...args);
  assert.equal(code, 0, stderr);
};

const CALLS: [calls: string, code: number, ...args: string[]][] = [
  ["*'snapshots ls'", 4],
  ["*'images ls -q name'*", 4],
  [LINKING, 4],
  ["*'snapshots commit'*", 4],
  ["*'images import'*", 4],
  ["*'images import'*", 4, '--mode', 'import'],
  ["*'images rm'*", 1, '--undo'],
  ["*'leases rm'*", 1, '--undo'],
];
const LABELLING: [calls: string, code: number] = ["*'images label'*", 4]; // only if the import cannot label

for (const shell of SHELLS) {
  const version = shell === 'dash' ? '1.6' : '2';
  onNode(version, `${shell} removes nothing and ends if any call of ctr hangs`, async (node, files) => {
    for (const image of [web, own]) await pullSmallImage(node, files, image);
    await succeed(node, webVolume);
    const before = await names(node);
    for (const [calls, expected, ...args] of version === '1.6' ? [...CALLS, LABELLING] : CALLS) {
      if (args[0] === '--undo') await succeed(node, volume);
      const began = Date.now();
      const hang = await ctrWith(files, `case "$*" in ${calls}) exec sleep 1000 ;; esac`);
      const { code, stderr } = await restoreIn(shell, node, volume, ['--ctr', hang, ...args], LIMITS);
      assert.ok(Date.now() - began < PATIENCE, `${calls}: ${Date.now() - began} ms`);
      assert.match(stderr, EXPIRED, calls);
      assert.equal(code, expected, `${calls}: ${stderr}`);
      if (expected === 4) {
        assert.match(stderr, /nothing was removed/);
        for (const name of before) assert.ok((await names(node)).includes(name), `${name} after ${calls}`);
      }
      await succeed(node, volume);
      await succeed(node, volume, '--undo');
      await succeed(node, webVolume);
    }
  });

  onNode('1.7', `${shell} does not wait for a containerd that does not answer`, async (node, files) => {
    const stop = `kill -STOP "$(cat /run/containerd.pid)"`;
    for (const script of ['exec sleep 1000', stop, `case "$*" in *'snapshots ls') ${stop} ;; esac`]) {
      const began = Date.now();
      const hang = await ctrWith(files, script);
      const { code, stderr } = await restoreIn(shell, node, volume, ['--wait', '1', '--ctr', hang], LIMITS);
      await node.run(['sh', '-c', 'kill -CONT "$(cat /run/containerd.pid)"']);
      assert.ok(Date.now() - began < PATIENCE, `${script}: ${Date.now() - began} ms`);
      assert.equal(code, 4, stderr);
      assert.match(stderr, /no containerd answered|cannot list the snapshots in containerd; nothing was removed/);
    }
  });

  onNode('2', `${shell} does not wait without end for another run`, async (node, files) => {
    for (const flock of ['', 'mount --bind /dev/null "$(command -v flock)";']) {
      const hang = await ctrWith(files, `case "$*" in *'snapshots ls') : >${files}/hung; exec sleep 1000 ;; esac`);
      const call = (...args: string[]) => [
        ...['unshare', '--mount', 'env', 'PRELOAD_LOCK_LIMIT=1', 'sh', '-c', `${flock} exec ${shell} "$@"`, 'sh'],
        ...[join(volume.path, 'restore.sh'), ...args],
      ];
      const hung = node.start(call('--ctr', hang));
      const ended = outcome(hung);
      await until('the lock', async () => (await node.run(['rm', join(files, 'hung')])).code === 0);
      const { code, stderr } = await node.run(call());
      assert.equal(code, 4, stderr);
      assert.match(stderr, /another restore.sh is still running after 1 s; wait for it or end it/);
      assert.equal((await result(node)).exitCode, 4);
      if (hung.pid) process.kill(-hung.pid, 'SIGKILL');
      await ended;
      const after = await node.run(call());
      assert.equal(after.code, 0, after.stderr);
    }
  });

  onNode('2', `${shell} leaves no hung call if it is killed`, async (node, files) => {
    const hang = await ctrWith(files, `case "$*" in *'snapshots ls') : >${files}/hung; exec sleep 1000 ;; esac`);
    const hung = node.start([...shell.split(' '), join(volume.path, 'restore.sh'), '--ctr', hang]);
    const ended = outcome(hung);
    await until('the lock', async () => (await node.run(['rm', join(files, 'hung')])).code === 0);
    hung.kill('SIGKILL');
    const began = Date.now();
    await ended;
    assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
    await succeed(node, volume);
  });

  onNode('2', `${shell} does not go on without a lock`, async (node, files) => {
    await writeFile(join(files, 'flock'), '#!/bin/sh\nexit 71\n', { mode: 0o755 });
    const command = `mount --bind ${files}/flock "$(command -v flock)"; exec ${shell} ${volume.path}/restore.sh`;
    const { code, stderr } = await node.run(['unshare', '--mount', 'sh', '-c', command]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /cannot lock \/run\/kubectl-preload\/lock/);
    assert.equal(await node.ctr('images', 'ls', '-q'), '');
  });
}
