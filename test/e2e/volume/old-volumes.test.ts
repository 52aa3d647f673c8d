import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspectVolume } from '../../../src/capture/volume.ts';
import { parse } from '../../../src/model/parse.ts';
import { PRELOAD_RECORD } from '../../../src/model/record.ts';
import { summarizeRecord } from '../../../src/model/summary.ts';
import { digestLayer } from '../../../src/volume/layer-digest.ts';
import { verifyVolume } from '../../../src/volume/verify/verify-volume.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { run } from '../../cluster/machine/run.ts';
import { onNode, restore } from '../restore/restored-node.ts';

// What released versions wrote never changes, so these files do not either: a new version adds its own.
const VERSIONS = ['0.1'];
const FILES = join(import.meta.dirname, 'format-1');
const folder = await mkdtemp(join(tmpdir(), 'preload-old-'));
const remedies = { largerVolume: () => '', otherNode: '', otherVolume: '', emptyVolume: '' };

before(async () => {
  await ensurePackages(['attr'], console.error);
  for (const version of VERSIONS) {
    await mkdir(join(folder, version));
    const archive = join(FILES, `volume-${version}.tar.gz`);
    await run(['tar', '-C', join(folder, version), '--xattrs', '--xattrs-include=*', '-xpzf', archive]);
  }
});

after(() => rm(folder, { recursive: true }));

for (const version of VERSIONS) {
  describe(`a volume of version ${version}`, () => {
    const volume = join(folder, version);

    test('is valid for verify, and matches its record', async () => {
      const record = JSON.parse(await readFile(join(FILES, `record-${version}.json`), 'utf8'));
      const { checksum, problems, images } = await verifyVolume(
        volume,
        (id) => digestLayer(volume, id),
        () => {},
      );
      assert.deepEqual(problems, []);
      assert.equal(checksum, record.checksum);
      assert.equal(images, record.images.length);
    });

    test('can be a base: its layers are known', async () => {
      const { layers, deeper, unwanted } = await inspectVolume({ volume, force: false, remedies });
      assert.equal(layers.size, 4);
      assert.equal(deeper.size, 2);
      assert.ok(!unwanted.includes('layers'));
    });

    onNode('2', `restores a volume of version ${version}`, async (node) => {
      const { code, stderr } = await restore(node, { path: volume });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /2 of 2 images present for the kubelet/);
    });
  });

  test(`status shows the record of version ${version}`, async () => {
    const record = JSON.parse(await readFile(join(FILES, `record-${version}.json`), 'utf8'));
    const summary = summarizeRecord(parse(PRELOAD_RECORD, record));
    assert.equal(summary.images?.length, 2);
  });
}
