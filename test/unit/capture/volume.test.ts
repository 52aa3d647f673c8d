import assert from 'node:assert/strict';
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import {
  clearVolume,
  finishVolume,
  inspectVolume,
  reclaimable,
  tidyVolume,
  type VolumeState,
} from '../../../src/capture/volume.ts';
import { PreloadError } from '../../../src/model/errors.ts';
import { blobPath } from '../../../src/model/oci.ts';
import { CONTENTS_FILE, contentsFile, layerFolder } from '../../../src/volume/format.ts';
import { capturedImage, digest, layer } from '../../harness/captured-images.ts';

const LAYERS = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`);
const BLOB = `sha256:${'c'.repeat(64)}`;

const CAPTURED = [layer('a', 1), { ...layer('b', 1), source: 'node' as const }];
const SEALED = contentsFile(
  {
    ...{ set: '0123456789ab', version: '1.2.3', created: '2026-11-24T12:00:00Z', platform: 'linux/amd64' },
    ...{ layout: 'layers', uuid: null, images: [capturedImage({ layers: CAPTURED })] },
  },
  {},
);

const folder = await mkdtemp(join(tmpdir(), 'preload-state-'));
after(() => rm(folder, { recursive: true }));

let volume = '';
const remedies = { largerVolume: () => '', otherNode: '', otherVolume: '', emptyVolume: 'use --force' };

/** What a capture does before it writes. */
const open = async (force = false): Promise<VolumeState> => {
  const state = await inspectVolume({ volume, force, remedies });
  await clearVolume(volume, state);
  return state;
};

/** Writes a file, and its folders. */
const write = async (path: string, text = ''): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
};

const seal = async (): Promise<void> => {
  await tidyVolume(volume, new Set(LAYERS), new Set());
  await writeFile(join(volume, CONTENTS_FILE), SEALED);
  await finishVolume(volume);
};

beforeEach(async () => {
  volume = await mkdtemp(join(folder, 'volume-'));
});

describe('a volume from an earlier capture', () => {
  beforeEach(async () => {
    assert.deepEqual((await open()).layers, new Set());
    for (const chainId of LAYERS) await mkdir(join(volume, layerFolder(chainId)), { recursive: true });
  });

  test('keeps complete layers after a kill during the capture', async () => {
    assert.deepEqual((await open()).layers, new Set(LAYERS));
  });

  test('keeps them after a kill just before sealing', async () => {
    await tidyVolume(volume, new Set(LAYERS), new Set());
    assert.deepEqual((await open()).layers, new Set(LAYERS));
  });

  test('keeps them after sealing, even if the next capture is killed at once', async () => {
    await seal();
    assert.deepEqual(await readdir(volume), ['layers', CONTENTS_FILE]);
    assert.deepEqual((await open()).layers, new Set(LAYERS));
    assert.deepEqual((await open()).layers, new Set(LAYERS));
  });

  test('knows which layers were unpacked from blobs, and which stand on others', async () => {
    await seal();
    const { fromBlobs, deeper } = await inspectVolume({ volume, force: false, remedies });
    assert.deepEqual([...fromBlobs], ['a'].map(digest));
    assert.deepEqual([...deeper], ['b'].map(digest));
  });

  test('knows after a kill which layers stand on others', async () => {
    await clearVolume(volume, { ...(await open()), deeper: new Set([digest('b')]) });
    assert.deepEqual([...(await open()).deeper], [digest('b')]);
    assert.deepEqual([...(await open()).deeper], [digest('b')], 'after another kill');
  });

  test('keeps nothing after a reboot, unless it was sealed', async () => {
    await writeFile(join(volume, '.boot'), 'another');
    assert.deepEqual((await open()).layers, new Set());
    assert.deepEqual(await readdir(volume), ['.boot']);
  });

  test('is still recognized as ours if the deletion after a reboot is interrupted', async () => {
    await writeFile(join(volume, '.boot'), 'another');
    const { layers, unwanted } = await inspectVolume({ volume, force: false, remedies });
    assert.deepEqual([layers, unwanted], [new Set(), ['layers']]);
    await rm(join(volume, layerFolder(LAYERS[0] ?? '')), { recursive: true });
    assert.deepEqual((await open()).layers, new Set());
  });

  test('drops layers that are no longer wanted, even if it was sealed', async () => {
    await seal();
    await open();
    await tidyVolume(volume, new Set(LAYERS.slice(0, 1)), new Set());
    assert.deepEqual(await readdir(join(volume, 'layers')), ['a'.repeat(64)]);
  });

  test('keeps complete and resumable blobs, and deletes other files', async () => {
    const kept = ['c'.repeat(64), `${'d'.repeat(64)}.partial`];
    for (const entry of [...kept, `${'e'.repeat(64)}.copy`, 'hello']) await write(join(volume, 'blobs/sha256', entry));
    assert.deepEqual((await open()).blobs, new Set(kept.map((entry) => `sha256:${entry}`)));
    assert.deepEqual((await readdir(join(volume, 'blobs/sha256'))).sort(), kept);
  });
});

describe('a folder with other files', () => {
  const refuses = async (): Promise<void> => {
    await assert.rejects(inspectVolume({ volume, force: false, remedies }), (error: PreloadError) => {
      assert.ok(error instanceof PreloadError);
      assert.match(error.message, /^\/.* holds files that kubectl preload did not write: README, pgdata$/);
      assert.match(error.hint ?? '', /--force/);
      return true;
    });
    assert.equal(await readFile(join(volume, 'pgdata/base'), 'utf8'), 'rows');
  };

  beforeEach(async () => {
    await write(join(volume, 'pgdata/base'), 'rows');
    await write(join(volume, 'README'));
  });

  test('is refused, and nothing is deleted', refuses);

  test('is refused even if one looks like ours but has another format', async () => {
    for (const text of ['{"format":2}', '{"name":"app"}', 'text', '']) {
      await writeFile(join(volume, CONTENTS_FILE), text);
      await assert.rejects(inspectVolume({ volume, force: false, remedies }), PreloadError);
    }
  });

  test('is refused even if links make it look like ours', async () => {
    const sealed = join(folder, 'sealed.json');
    await writeFile(sealed, SEALED);
    await symlink(sealed, join(volume, CONTENTS_FILE));
    await symlink('/proc/sys/kernel/random/boot_id', join(volume, '.boot'));
    await assert.rejects(inspectVolume({ volume, force: false, remedies }), PreloadError);
  });

  test('is emptied with --force', async () => {
    await open(true);
    assert.deepEqual(await readdir(volume), ['.boot']);
  });

  test('is inspected without changes, and its size is known', async () => {
    await writeFile(join(volume, 'pgdata/base'), 'x'.repeat(1_000_000));
    await link(join(volume, 'pgdata/base'), join(folder, 'elsewhere'));
    const { bytes: shared } = await reclaimable(volume, await inspectVolume({ volume, force: true, remedies }));
    await rm(join(folder, 'elsewhere'));
    const state = await inspectVolume({ volume, force: true, remedies });
    assert.ok(shared < 100_000, String(shared));
    const { bytes, inodes } = await reclaimable(volume, state);
    assert.ok(bytes >= 1_000_000);
    assert.equal(inodes, 3);
    assert.deepEqual((await readdir(volume)).sort(), ['README', 'pgdata']);
  });
});

test('files that mkfs creates do not count', async () => {
  await mkdir(join(volume, 'lost+found'));
  await open();
  assert.deepEqual((await readdir(volume)).sort(), ['.boot', 'lost+found']);
});

describe('a link on a volume', () => {
  let outside = '';

  /** A sealed volume with a link at `path` to a folder or file outside, which must stay as it is. */
  const withLink = async (path: string, target = '.'): Promise<VolumeState> => {
    outside = await mkdtemp(join(folder, 'outside-'));
    for (const file of ['fs/precious', 'sha256/precious', 'precious', 'layers/precious']) {
      await write(join(outside, file), 'precious');
    }
    await writeFile(join(volume, CONTENTS_FILE), SEALED);
    await mkdir(dirname(join(volume, path)), { recursive: true });
    await symlink(join(outside, target), join(volume, path));
    return open();
  };

  for (const [path, target] of [
    ['layers'],
    [dirname(layerFolder(LAYERS[0] ?? ''))],
    [layerFolder(LAYERS[0] ?? ''), 'fs'],
    ['blobs'],
    ['blobs/sha256', 'sha256'],
    [blobPath(BLOB), 'precious'],
    [`${blobPath(BLOB)}.partial`, 'precious'],
    [`${blobPath(BLOB)}.copy`, 'precious'],
    ['.boot', 'precious'],
    ['.work'],
    ['.unfinished'],
    ['restore'],
    ['verify'],
    ['oci-layout', 'precious'],
  ]) {
    test(`${path} is deleted and not followed`, async () => {
      const { layers, blobs } = await withLink(path ?? '', target);
      assert.deepEqual([layers, blobs], [new Set(), new Set()]);
      const left = await readdir(volume, { recursive: true, withFileTypes: true });
      assert.deepEqual(
        left.filter((entry) => entry.isSymbolicLink()),
        [],
      );
      await tidyVolume(volume, new Set(LAYERS), new Set([BLOB]));
      for (const file of ['fs/precious', 'sha256/precious', 'precious', 'layers/precious']) {
        assert.equal(await readFile(join(outside, file), 'utf8'), 'precious');
      }
      assert.equal((await readdir(outside, { recursive: true })).length, 7);
    });
  }
});
