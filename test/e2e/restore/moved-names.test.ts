import assert from 'node:assert/strict';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../cluster/machine/run.ts';
import { CONTAINERD_VERSIONS } from '../../cluster/node/config.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { ctrWith, LINKING, refuse } from './faulty-ctr.ts';
import { newVolume, onNode as onNodeOf, restore } from './restored-node.ts';
import { app, pause, web } from './small-images.ts';
import { pullSmallImage } from './small-volume.ts';

const volume = await newVolume('volume', [app, web, pause], { blobs: true });

const restoreAll = async (node: PrivateNode, ...args: string[]): Promise<void> => {
  const { code, stderr } = await restore(node, volume, ...args);
  assert.equal(code, 0, stderr);
};

const digestOfName = async (node: PrivateNode, name: string): Promise<string | undefined> =>
  (await node.ctr('images', 'ls', `name==${name}`)).match(/sha256:\w+/)?.[0];

const topBlob = async (path: string): Promise<string> => {
  const [appDigest] = (await readFile(join(path, 'restore/names'), 'utf8')).match(/(?<=shop\/app:1 )\S+/) ?? [];
  const blobs = (await readFile(join(path, 'restore/blobs'), 'utf8')).split('\n');
  const [, blob] = blobs.findLast((line) => line.startsWith(`${appDigest} `))?.split(' ') ?? [];
  return join(path, 'blobs/sha256', blob?.slice('sha256:'.length) ?? '');
};

for (const version of CONTAINERD_VERSIONS) {
  const onNode = onNodeOf.bind(undefined, version);

  onNode('does not replace an image with one whose layers it cannot link', async (node, files) => {
    await pullSmallImage(node, files, { ...app, layers: ['other'] });
    const before = await digestOfName(node, app.name);
    assert.ok(before);
    for (const [calls, expected, reason] of [
      [LINKING, 1, /missing registry.test\/shop\/app:1: not in containerd, or with another digest than on the volume/],
      [`${LINKING} | *'images ls -q'`, 4, /cannot list the images in containerd; nothing was removed/],
    ] as const) {
      const { code, stderr } = await restore(node, volume, '--ctr', await ctrWith(files, refuse(calls)));
      assert.equal(await digestOfName(node, app.name), before, stderr);
      assert.equal(code, expected, stderr);
      assert.match(stderr, reason);
    }
    await restoreAll(node);
    assert.notEqual(await digestOfName(node, app.name), before);
  });

  onNode('does not replace an image with one that it cannot import', async (node, files) => {
    const damaged = { path: join(files, 'damaged') };
    await run(['cp', '-a', volume.path, damaged.path]);
    await appendFile(await topBlob(damaged.path), 'x');
    await pullSmallImage(node, files, { ...app, layers: ['other'] });
    const before = await digestOfName(node, app.name);
    const { code, stderr } = await restore(node, damaged, '--mode', 'import');
    assert.equal(await digestOfName(node, app.name), before, stderr);
    assert.equal(code, 1, stderr);
    await restoreAll(node, '--mode', 'import');
    assert.notEqual(await digestOfName(node, app.name), before);
  });
}
