import assert from 'node:assert/strict';
import { join } from 'node:path';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { criNames, lines, newVolume, onNode, restore, restoreIn, SHELLS, STATE } from './restored-node.ts';
import { app, deep, pause, web } from './small-images.ts';
import { pullSmallImage, type SmallImage } from './small-volume.ts';

const RUN = '/run/kubectl-preload';
const own: SmallImage = { name: 'registry.test/own:1', layers: ['base', 'own'] };

const volume = await newVolume('volume', [app, web, pause]);
const deepVolume = await newVolume('deep', deep);

const names = async (node: PrivateNode) => [
  ...lines(await node.ctr('images', 'ls', '-q')).sort(),
  ...(await criNames(node)),
];

/** Mounts a small disk over `folder`, with what was in it. */
const limit = async (node: PrivateNode, folder: string, options: string): Promise<void> => {
  const script = `mkdir -p "$1" && mkdir /run/keep && cp -a "$1/." /run/keep && mount -t tmpfs -o "$2" tmpfs "$1" &&
    cp -a /run/keep/. "$1" && rm -r /run/keep`;
  const { code, stderr } = await node.run(['sh', '-c', script, 'sh', folder, options]);
  assert.equal(code, 0, stderr);
};

for (const shell of SHELLS) {
  onNode('2', `${shell} removes nothing if /run is full`, async (node, files) => {
    for (const image of [web, own]) await pullSmallImage(node, files, image);
    assert.equal((await restore(node, volume)).code, 0);
    const before = await names(node);
    for (const options of ['size=16k', 'size=128k', 'size=1m', 'size=4m,nr_inodes=8', 'size=4m,nr_inodes=40']) {
      await limit(node, RUN, options);
      await node.run(['sh', '-c', `case ${options} in size=16k) cat /dev/zero >${RUN}/fill ;; esac`]);
      for (const action of [[], ['--check'], ['--undo']]) {
        const { code, stderr } = await restoreIn(shell, node, volume, action);
        assert.equal(code, 4, `${options}: ${stderr}`);
        assert.match(stderr, /error: (not enough space in|cannot write to) \/run\/kubectl-preload/, options);
        assert.deepEqual(await names(node), before, stderr);
      }
      const { stdout } = await node.run(['sh', '-c', `cat ${RUN}/restore.json ${RUN}/check.json`]);
      assert.doesNotMatch(stdout, /"exitCode":0/, 'the result of an earlier run');
      await node.run(['umount', RUN]);
    }
    await limit(node, RUN, 'size=4m');
    const { code, stderr } = await restoreIn(shell, node, volume);
    assert.equal(code, 0, stderr);
  });

  onNode('1.7', `${shell} keeps its record if the disk of its state is full`, async (node) => {
    assert.equal((await restore(node, volume)).code, 0);
    const before = await names(node);
    await limit(node, STATE, 'size=320k');
    await node.run(['sh', '-c', `cat /dev/zero >${STATE}/fill`]);
    for (const from of [volume, deepVolume]) {
      const { code, stderr } = await restoreIn(shell, node, from);
      assert.equal(code, 4, stderr);
      assert.match(stderr, /error: cannot write to \/var\/lib\/kubectl-preload/);
      assert.deepEqual(await names(node), before, stderr);
    }
    assert.equal((await node.run(['ls', `${STATE}/record`])).stdout, `${volume.set}\n`);
    const record = { path: `${STATE}/record/${volume.set}` };
    assert.equal((await restoreIn(shell, node, record, ['--check'])).code, 0);
    await node.run(['rm', `${STATE}/fill`]);
    assert.equal((await restoreIn(shell, node, deepVolume)).code, 0);
  });

  onNode('2', `${shell} leaves no half layers if containerd's disk gets full`, async (node, files) => {
    const disk = await mountNewVolume(node, files, 'disk', 32);
    await node.run(['mount', '--bind', disk.path, '/var/lib/containerd']);
    await node.restartContainerd();
    for (const kilobytes of [0, 64, 192]) {
      const fill = `cd /var/lib/containerd; cat /dev/zero >fill 2>/dev/null; sync; truncate -s -${kilobytes}K fill`;
      await node.run(['sh', '-c', fill]);
      const { code, stderr } = await restoreIn(shell, node, deepVolume);
      assert.ok(code === 1 || code === 4 || (code === 0 && kilobytes > 0), `${kilobytes} KiB: ${code} ${stderr}`);
      await node.run(['rm', join('/var/lib/containerd', 'fill')]);
      if (code === 1) assert.doesNotMatch(await node.ctr('snapshots', 'ls'), /preload-/, stderr);
      const { stderr: found } = await restore(node, deepVolume, '--check');
      assert.doesNotMatch(found, /some of its layers are missing/, `${kilobytes} KiB: ${stderr}`);
      const again = await restoreIn(shell, node, deepVolume);
      assert.equal(again.code, 0, again.stderr);
      assert.equal((await restoreIn(shell, node, deepVolume, ['--undo'])).code, 0);
    }
  });
}
