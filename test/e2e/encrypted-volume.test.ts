import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { requested } from '../harness/capture-request.ts';
import { startExportNode, startLoader } from '../harness/loader-process.ts';
import { mountNewVolume } from '../harness/loop-volume.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';

const IMAGE = sample('ops/probe:1.0');
/** What the kernel says of a device that cryptsetup has opened. */
const AS_LUKS = `number=$(findmnt --noheadings --output MAJ:MIN "$0" | tr -d ' ')
  mount -t tmpfs tmpfs /sys/dev/block
  mkdir -p "/sys/dev/block/$number/dm"
  echo CRYPT-LUKS2-5f0e1d2c3b4a59687786958493021100-volume >"/sys/dev/block/$number/dm/uuid"`;

const folder = await mkdtemp(join(tmpdir(), 'preload-encrypted-'));
let node: PrivateNode;

before(async () => {
  node = await startExportNode(join(folder, 'node'), '2');
});

after(async () => {
  await node.stop();
  await rm(folder, { recursive: true });
});

test('fixture: this kernel has no dm-crypt; a volume on a device that looks like LUKS is sealed, with a warning', async () => {
  const volume = await mountNewVolume(node, folder, 'volume', 1024);
  const warnings = async (name: string) => {
    const { code, events, stderr } = await (
      await startLoader(node, join(folder, name), volume.path, { images: [requested(IMAGE)] })
    ).ended;
    assert.equal(code, 0, stderr);
    assert.equal(events.at(-1)?.type, 'sealed');
    return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  };
  assert.deepEqual(await warnings('plain'), []);
  const { code, stderr } = await node.run(['sh', '-euc', AS_LUKS, volume.path]);
  assert.equal(code, 0, stderr);
  const [warning = '', ...others] = await warnings('encrypted');
  assert.match(warning, /^this node encrypts the volume \(dm-crypt\), .*: new nodes need the key to open their disks /);
  assert.deepEqual(others, []);
  await volume.remove();
});
