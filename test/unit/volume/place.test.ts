import assert from 'node:assert/strict';
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { giveBackPlaces, keepPlaces, PLACES, placeOf, takePlaces, writeInPlace } from '../../../src/volume/place.ts';

const PATH = 'restore/names';

const folder = await mkdtemp(join(tmpdir(), 'preload-place-'));
let volume = '';

after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  volume = await mkdtemp(join(folder, 'volume-'));
});

const inodeOf = async (path: string): Promise<number> => (await stat(join(volume, path))).ino;
const read = (path: string): Promise<string> => readFile(join(volume, path), 'utf8');

const writeOlder = async (): Promise<void> => {
  await mkdir(join(volume, 'restore'));
  await writeFile(join(volume, PATH), 'older and longer');
};

test('a file is written to the place that was taken for it, whatever its size is', async () => {
  for (const text of ['', 'text', 'x'.repeat(200_000)]) {
    await takePlaces(volume, new Map([[PATH, 100_000]]));
    const taken = await inodeOf(placeOf(PATH));
    await writeInPlace(volume, PATH, text);
    assert.deepEqual([await inodeOf(PATH), await read(PATH)], [taken, text]);
  }
});

test('a file has the place of the one of an older capture', async () => {
  await writeOlder();
  const older = await inodeOf(PATH);
  await keepPlaces(volume, [PATH, 'restore/missing']);
  assert.deepEqual(await readdir(join(volume, 'restore')), []);
  await takePlaces(volume, new Map([[PATH, 100_000]]));
  await writeInPlace(volume, PATH, 'new');
  assert.deepEqual([await inodeOf(PATH), await read(PATH)], [older, 'new']);
});

test('no file that also has another name is written to, and none behind a link', async () => {
  await writeOlder();
  await link(join(volume, PATH), join(volume, 'other'));
  await symlink('other', join(volume, 'restore.sh'));
  await keepPlaces(volume, [PATH, 'restore.sh']);
  await rm(join(volume, 'restore.sh'));
  for (const path of [PATH, 'restore.sh']) await writeInPlace(volume, path, 'new');
  assert.equal(await read('other'), 'older and longer');
});

test('nothing that an interrupted capture has left is a place', async () => {
  await mkdir(join(volume, PLACES));
  await symlink('../other', join(volume, placeOf(PATH)));
  await keepPlaces(volume, []);
  await writeInPlace(volume, PATH, 'new');
  assert.deepEqual(await readdir(volume), [PLACES, 'restore']);
});

test('places that no file needs are given back', async () => {
  await takePlaces(volume, new Map([PATH, 'restore/hot', 'preload.json'].map((path) => [path, 1])));
  await writeInPlace(volume, PATH, 'text');
  await giveBackPlaces(volume, 'preload.json');
  assert.deepEqual(await readdir(join(volume, PLACES)), ['preload.json']);
  await writeInPlace(volume, 'preload.json', '{}', 0o600);
  await giveBackPlaces(volume);
  assert.deepEqual((await readdir(volume, { recursive: true })).sort(), ['preload.json', 'restore', PATH]);
  assert.equal((await stat(join(volume, 'preload.json'))).mode & 0o777, 0o600);
});
