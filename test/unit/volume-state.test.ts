import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { finishVolume, openVolume, tidyVolume } from '../../src/export/volume-state.ts';
import { CONTENTS_FILE, layerFolder } from '../../src/volume/format.ts';

const LAYERS = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`);

const folder = await mkdtemp(join(tmpdir(), 'preload-state-'));
after(() => rm(folder, { recursive: true }));

let volume = '';

beforeEach(async () => {
  volume = await mkdtemp(join(folder, 'volume-'));
  assert.deepEqual(await openVolume(volume), new Set());
  for (const chainId of LAYERS) await mkdir(join(volume, layerFolder(chainId)), { recursive: true });
});

const seal = async (): Promise<void> => {
  await tidyVolume(volume, new Set(LAYERS), new Set());
  await writeFile(join(volume, CONTENTS_FILE), '{}');
  await finishVolume(volume);
};

test('what is whole is kept after a kill in the middle', async () => {
  assert.deepEqual(await openVolume(volume), new Set(LAYERS));
});

test('and after one while it was about to be sealed', async () => {
  await tidyVolume(volume, new Set(LAYERS), new Set());
  assert.deepEqual(await openVolume(volume), new Set(LAYERS));
});

test('and of a sealed volume, also after a kill at once', async () => {
  await seal();
  assert.deepEqual(await readdir(volume), ['layers', CONTENTS_FILE]);
  assert.deepEqual(await openVolume(volume), new Set(LAYERS));
  assert.deepEqual(await openVolume(volume), new Set(LAYERS));
});

test('nothing counts after a reboot, unless it was sealed', async () => {
  await writeFile(join(volume, '.boot'), 'another');
  assert.deepEqual(await openVolume(volume), new Set());
});

test('layers of a sealed volume that nobody wants any more are removed', async () => {
  await seal();
  await openVolume(volume);
  await tidyVolume(volume, new Set(LAYERS.slice(0, 1)), new Set());
  assert.deepEqual(await readdir(join(volume, 'layers')), ['a'.repeat(64)]);
});
