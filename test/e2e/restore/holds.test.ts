import assert from 'node:assert/strict';
import { CONTAINERD_VERSIONS } from '../../cluster/node/config.ts';
import { lines, newVolume, onNode, restore } from './restored-node.ts';
import { app, pause, web } from './small-images.ts';
import { pullSmallImage } from './small-volume.ts';

const volume = await newVolume('volume', [app, pause]);

for (const version of CONTAINERD_VERSIONS) {
  onNode(version, 'releases the layers that a killed export holds, and only those', async (node, files) => {
    await pullSmallImage(node, files, web);
    const [, layer = ''] = lines(await node.ctr('snapshots', 'ls')).map((line) => line.split(/\s+/)[0]);
    const { stdout } = await node.run(['cut', '-d', ' ', '-f', '22', `/proc/${node.pid}/stat`]);
    const running = `preload-export-${node.pid}-${stdout.trim()}-${layer}`;
    const killed = `preload-export-${node.pid}-1-${layer}`;
    for (const key of [running, killed]) await node.ctr('snapshots', 'prepare', key, layer);
    const { code, stderr } = await restore(node, volume);
    assert.equal(code, 0, stderr);
    const held = lines(await node.ctr('snapshots', 'ls')).filter((line) => line.startsWith('preload-export-'));
    assert.deepEqual(
      held.map((line) => line.split(/\s+/)[0]),
      [running],
    );
  });
}
