import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../cluster/machine/run.ts';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import { outcome, type PrivateNode } from '../../harness/private-node.ts';
import { lines, newVolume, onNode, restore, restoreIn, type SmallVolume, targets } from './restored-node.ts';
import { deep } from './small-images.ts';

const DISK = 96; // MiB, of containerd
const LAYERS = 39;

const deepVolume = await newVolume('deep', deep);

/** A copy of the volume, whose `change` gets the folder of each layer and its number. */
const changed = async (
  files: string,
  change: (folder: string, index: number) => Promise<void>,
): Promise<SmallVolume> => {
  const volume = { ...deepVolume, path: join(files, 'changed') };
  await run(['cp', '-a', deepVolume.path, volume.path]);
  const layers = lines(await run(['ls', join(volume.path, 'layers')]));
  for (const [index, layer] of layers.entries()) await change(join(volume.path, 'layers', layer, 'fs'), index);
  return volume;
};

const useDisk = async (node: PrivateNode, files: string): Promise<void> => {
  const disk = await mountNewVolume(node, files, 'disk', DISK);
  await node.run(['mount', '--bind', disk.path, '/var/lib/containerd']);
  await node.restartContainerd();
};

/** Asserts that what is not copied is linked, and that nothing else is left of the copies. */
const assertNoHalfCopies = async (node: PrivateNode): Promise<void> => {
  const script = `cd /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots
    find . -name new -maxdepth 2
    for copy in */local; do [ ! -e "$copy" ] || [ "$(readlink "\${copy%/*}/fs")" = local ] || echo "$copy"; done`;
  assert.equal((await node.run(['sh', '-c', script])).stdout, '');
};

const used = async (node: PrivateNode): Promise<number> =>
  Number((await node.run(['df', '--output=pcent', '/var/lib/containerd'])).stdout.match(/\d+/)?.[0]);

// busybox has its own cp, which cannot copy layers
for (const shell of ['dash', 'bash']) {
  onNode('2', `${shell} leaves layers linked and no half copies if a copy fails, and stops`, async (node, files) => {
    const large = await changed(files, async (folder, index) => {
      if (index % 2 === 1) await writeFile(join(folder, 'large'), Buffer.alloc(4 << 20, 1));
    });
    assert.equal((await restore(node, large)).code, 0);
    const command = [
      'prlimit',
      '--fsize=2097152',
      ...shell.split(' '),
      join(large.path, 'restore.sh'),
      '--mode',
      'copy',
    ];
    const { code, stderr } = await node.run(command);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /error: \d+ layers are still linked: .*; run restore.sh --mode copy again/);
    await assertNoHalfCopies(node);
    const linked = (await targets(node)).length;
    assert.ok(linked > LAYERS / 2 + 5, `the others stop: ${linked} of ${LAYERS} are linked`);
    assert.equal((await restore(node, large, '--check')).code, 0);
    const again = await restore(node, large, '--mode', 'copy');
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await targets(node), []);
  });

  onNode('1.7', `${shell} leaves 10 % of the disk free of copies`, async (node, files) => {
    await useDisk(node, files);
    const large = await changed(files, (folder) => writeFile(join(folder, 'large'), Buffer.alloc(1 << 20, 1)));
    assert.equal((await restore(node, large)).code, 0);
    const fill = (keep: number) =>
      node.run([
        'sh',
        '-c',
        `cd /var/lib/containerd; rm -f fill; free=$(df -Pm . | awk 'END { print $4 }')
      fallocate -l $((free - ${keep}))M fill`,
      ]);
    await fill(LAYERS + 5);
    const refused = await restoreIn(shell, node, large, ['--mode', 'copy']);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, /not enough space on containerd's disk, of which 10 % must stay free/);
    assert.equal((await targets(node)).length, LAYERS);
    await assertNoHalfCopies(node);

    await fill(LAYERS + 15);
    const { code, stderr } = await restoreIn(shell, node, large, ['--mode', 'copy']);
    assert.equal(code, 0, stderr);
    assert.ok((await used(node)) <= 90, `${await used(node)} %`);
  });

  onNode('1.7', `${shell} stops copying if others fill the disk meanwhile`, async (node, files) => {
    await useDisk(node, files);
    const large = await changed(files, (folder) => writeFile(join(folder, 'large'), Buffer.alloc(1 << 20, 1)));
    assert.equal((await restore(node, large)).code, 0);
    const filler = node.start([
      'sh',
      '-c',
      `cd /var/lib/containerd
      until ls io.containerd.snapshotter.v1.overlayfs/snapshots/*/local; do :; done >/dev/null 2>&1
      fallocate -l $(($(df -Pm . | awk 'END { print $4 }') - 11))M fill`,
    ]);
    const filled = outcome(filler);
    const { code, stderr } = await restoreIn(shell, node, large, ['--mode', 'copy']);
    if (filler.exitCode === null && code !== 1 && filler.pid) process.kill(-filler.pid);
    await filled;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /layers are still linked: containerd's disk has no space for another 1 MiB; run restore.sh/);
    await assertNoHalfCopies(node);
    assert.ok((await targets(node)).length > 0);
    assert.equal((await restore(node, large, '--check')).code, 0);
    await truncate(`/proc/${node.pid}/root/var/lib/containerd/fill`);
    const again = await restoreIn(shell, node, large, ['--mode', 'copy']);
    assert.equal(again.code, 0, again.stderr);
  });
}
