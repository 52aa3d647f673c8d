import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTAINERD_VERSIONS } from '../../cluster/node/config.ts';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { randomMoments } from '../../harness/random-moments.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { seed, seededRandom } from '../../harness/seeded-random.ts';
import { callsSince, ctrWith, killAt, LINKING, refuse } from './faulty-ctr.ts';
import { criNames, lines, newVolume, onNode as onNodeOf, restore, result, store } from './restored-node.ts';
import { app, pause, web } from './small-images.ts';
import { pullSmallImage, type SmallImage } from './small-volume.ts';

const own: SmallImage = { name: 'registry.test/own:1', layers: ['base', 'own'] };
const newer: SmallImage = { name: 'registry.test/shop/app:2', layers: ['base', 'runtime', 'newer'] };

const volume = await newVolume('volume', [app, web, pause], { blobs: true });
const oneImage = await newVolume('one-image', [web]);
const newerVolume = await newVolume('newer', [newer, web, pause]);
const [, webDigest, webTop] =
  (await readFile(join(volume.path, 'restore/names'), 'utf8')).match(/shop\/web:1 (\S+) (\S+)/) ?? [];

const UNKNOWN = /cannot find where containerd keeps \d layers: .*; nothing was removed/;

/** Every name that the kubelet or a person could ask for. */
const names = async (node: PrivateNode) => [
  ...lines(await node.ctr('images', 'ls', '-q')).sort(),
  ...(await criNames(node)),
];

/** Restores a node that pulled one image of the volume itself, and another one. */
const restoreBusyNode = async (node: PrivateNode, files: string): Promise<void> => {
  for (const image of [web, own]) await pullSmallImage(node, files, image);
  await restoreAll(node);
};

const restoreAll = async (node: PrivateNode): Promise<void> => {
  const { code, stderr } = await restore(node, volume);
  assert.equal(code, 0, stderr);
};

for (const version of CONTAINERD_VERSIONS) {
  const onNode = onNodeOf.bind(undefined, version);

  onNode('removes nothing if ctr does not report where layers are', async (node, files) => {
    await restoreBusyNode(node, files);
    const [before, namesBefore] = [await store(node), await names(node)];
    for (const calls of ["*'snapshots prepare'*", `*'snapshots prepare'*${webTop}*`]) {
      const ctr = await ctrWith(files, refuse(calls));
      for (const [action, ...flags] of [['restore'], ['check', '--check'], ['undo', '--undo']]) {
        const { code, stderr } = await restore(node, volume, '--ctr', ctr, ...flags);
        assert.deepEqual(await names(node), namesBefore, stderr);
        assert.deepEqual(await store(node), before, stderr);
        assert.equal(code, 4, stderr);
        assert.match(stderr, UNKNOWN);
        const { exitCode, message } = await result(node, action);
        assert.equal(exitCode, 4);
        assert.match(message, UNKNOWN);
        assert.match(message, /connection refused/);
      }
    }
    await restoreAll(node);
  });

  onNode('removes nothing if ctr does not report where layers are after an import', async (node, files) => {
    for (const image of [web, own]) await pullSmallImage(node, files, image);
    const imported = join(files, 'imported');
    const ctr = await ctrWith(
      files,
      `case "$*" in *'images import'*) : >${imported} ;; esac; [ ! -e ${imported} ] || ${refuse("*'snapshots prepare'*")}`,
    );
    const { code, stderr } = await restore(node, volume, '--mode', 'import', '--ctr', ctr);
    assert.equal((await restore(node, volume, '--check')).code, 0, stderr);
    assert.equal(code, 4, stderr);
    assert.match(stderr, UNKNOWN);
    await restoreAll(node);
  });

  onNode('links a layer that containerd garbage-collects during the survey', async (node, files) => {
    await restoreBusyNode(node, files);
    const remove = `ctr images rm --sync $(ctr images ls -q target.digest==${webDigest}) >/dev/null 2>&1`;
    const ctr = await ctrWith(files, `case "$*" in *'snapshots prepare'*${webTop}*) ${remove} ;; esac`);
    const { code, stderr } = await restore(node, volume, '--ctr', ctr);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /link: 1 of 1 layers/);
  });

  onNode('undoes nothing if ctr cannot list the names to remove', async (node, files) => {
    await restoreBusyNode(node, files);
    const namesBefore = await names(node);
    const ctr = await ctrWith(files, refuse("*'images ls -q target.digest'*"));
    const { code, stderr } = await restore(node, volume, '--undo', '--ctr', ctr);
    assert.deepEqual(await names(node), namesBefore);
    assert.equal((await restore(node, volume, '--check')).code, 0, 'layers are still there');
    assert.equal(code, 1, stderr);
    assert.match(stderr, /cannot remove the linked images/);
    assert.equal((await restore(node, volume, '--undo')).code, 0);
  });

  onNode('removes nothing if the disk is full', async (node, files) => {
    const disk = await mountNewVolume(node, files, 'disk', 32);
    await node.run(['mount', '--bind', disk.path, '/var/lib/containerd']);
    await node.restartContainerd();
    await restoreBusyNode(node, files);
    const namesBefore = await names(node);
    const fill =
      'mkdir /var/lib/containerd/fill; cd /var/lib/containerd/fill; seq 99999 | xargs touch; cat /dev/zero >1';
    const { stderr } = await node.run(['sh', '-c', fill]);
    assert.match(stderr, /touch: .*No space left.*cat: .*No space left/s, 'neither an inode nor a block is free');
    const full = await restore(node, volume);
    assert.deepEqual(await names(node), namesBefore, full.stderr);
    assert.equal(full.code, 4, full.stderr);
    assert.match(full.stderr, UNKNOWN);
    assert.match(full.stderr, /no space left/);
    await node.run(['rm', '-r', '/var/lib/containerd/fill']);
    await restoreAll(node);
    assert.deepEqual(await names(node), namesBefore);
  });

  onNode(`keeps the names of working images if containerd restarts (SEED=${seed})`, async (node, files) => {
    await restoreBusyNode(node, files);
    const namesBefore = await names(node);
    for (const [from, turn] of [
      [oneImage, 1],
      [volume, 1],
      [volume, 2],
    ] as const) {
      assert.equal((await restore(node, from)).code, 0);
      const { code, stderr } = await restore(node, from, '--ctr', await killAt(files, "*'snapshots prepare'*", turn));
      assert.deepEqual(await names(node), namesBefore, stderr);
      assert.equal(code, 4, stderr);
      assert.match(stderr, UNKNOWN);
      await restoreAll(node);
    }
    assert.equal((await restore(node, volume, '--ctr', await killAt(files, '*', 0))).code, 0);
    const calls = await callsSince(files);
    assert.ok(calls > 10);
    for (const turn of randomMoments(repetitions(Math.ceil(calls / 3), 3), 1, calls + 1, seededRandom(seed))) {
      const { code, stderr } = await restore(node, volume, '--ctr', await killAt(files, '*', turn));
      assert.deepEqual(await names(node), namesBefore, `killed at call ${turn}: ${stderr}`);
      if (code === 0) assert.equal((await restore(node, volume, '--check')).code, 0);
    }
    await restoreAll(node);

    const ctr = await killAt(files, LINKING, 1);
    const { code, stderr } = await restore(node, newerVolume, '--ctr', ctr);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /missing registry.test\/shop\/app:2: some of its layers are missing/);
    assert.deepEqual(await names(node), namesBefore);
    assert.equal((await restore(node, newerVolume)).code, 0);
  });
}
