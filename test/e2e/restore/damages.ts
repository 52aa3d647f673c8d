import assert from 'node:assert/strict';
import { appendFile, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checksums, setOf } from './small-volume.ts';

export type Damage = (volume: string) => Promise<unknown>;

/** Changes a text file of the volume. */
export const edit =
  (path: string, change: (text: string) => string): Damage =>
  async (volume) => {
    const text = await readFile(join(volume, path), 'utf8');
    assert.notEqual(change(text), text);
    await writeFile(join(volume, path), change(text));
  };

/** Changes a list and its checksums, as an attacker with write access would. */
const forge =
  (path: string, change: (text: string) => string): Damage =>
  async (volume) => {
    await edit(path, change)(volume);
    const contents = JSON.parse(await readFile(join(volume, 'preload.json'), 'utf8'));
    const sums = { set: await setOf(volume), checksums: await checksums(volume) };
    await writeFile(join(volume, 'preload.json'), JSON.stringify({ ...contents, ...sums }, null, 2));
  };

export const oneLayer = async (volume: string) =>
  join(volume, 'layers', (await readFile(join(volume, 'restore/layers'), 'utf8')).slice(7, 71));
export const oneBlob = async (volume: string) =>
  join(volume, 'blobs/sha256', (await readFile(join(volume, 'restore/blobs'), 'utf8')).slice(79, 143));
export const replaceByLink: (path: (volume: string) => Promise<string> | string) => Damage =
  (path) => async (volume) => {
    await rename(await path(volume), join(volume, 'elsewhere'));
    await symlink(join(volume, 'elsewhere'), await path(volume));
  };
const hex = 'f'.repeat(64);

/** Ways to damage a volume with blobs, the error of restore.sh for each, and the mode if only that one fails. */
export const damages: [name: string, damage: Damage, reason: RegExp, mode?: 'link' | 'import'][] = [
  ['no preload.json', (volume) => rm(join(volume, 'preload.json')), /capture did not finish/],
  ['an empty preload.json', (volume) => truncate(join(volume, 'preload.json')), /truncated/],
  ['a truncated preload.json', edit('preload.json', (text) => text.slice(0, -30)), /truncated/],
  ['another format', edit('preload.json', (text) => text.replace('"format": 1', '"format": 12')), /format is 12/],
  [
    'another platform',
    edit('preload.json', (text) => text.replace(/linux\/\w+/, 'linux/mips64')),
    /made for linux\/mips64/,
  ],
  ['another snapshotter', edit('preload.json', (text) => text.replace('overlayfs', 'zfs')), /snapshotter zfs/],
  [
    'a set that is a path',
    edit('preload.json', (text) => text.replace(/"set": "\w{4}/, '"set": "../.')),
    /does not match the lists in restore\//,
  ],
  [
    'a set that is a command',
    edit('preload.json', (text) => text.replace(/"set": "\w+/, '"set": "$(touch ran)')),
    /does not match the lists in restore\//,
  ],
  ['a preload.json that is a link', replaceByLink((volume) => join(volume, 'preload.json')), /capture did not finish/],
  [
    'another set',
    edit('preload.json', (text) => text.replace(/"set": "\w/, '"set": "x')),
    /does not match the lists in restore/,
  ],
  [
    'a bit flipped in the layers',
    edit('restore/layers', (text) => text.replace('link', 'lijk')),
    /layers does not match its checksum/,
  ],
  [
    'a bit flipped in the names',
    edit('restore/names', (text) => text.replace('pause', 'qause')),
    /names does not match its checksum/,
  ],
  [
    'a bit flipped in the archive of images',
    (volume) => appendFile(join(volume, 'restore/images.tar'), 'x'),
    /images.tar does not match/,
  ],
  ['no list of layers', (volume) => rm(join(volume, 'restore/layers')), /restore\/layers is missing/],
  [
    'no checksum',
    edit('preload.json', (text) => text.replace('"restore/layers"', '"restore/lajers"')),
    /layers does not match/,
  ],
  ['no list of blobs', (volume) => rm(join(volume, 'restore/blobs')), /restore\/blobs is missing/],
  [
    'a bit flipped in the list of blobs',
    edit('restore/blobs', (text) => text.replace(' -', ' 0')),
    /blobs does not match its checksum/,
  ],
  ['no archive of images', (volume) => rm(join(volume, 'restore/images.tar')), /images.tar is missing/],
  ['a list that is a link', replaceByLink((volume) => join(volume, 'restore/names')), /restore\/names is missing/],
  ['restore/ that is a link', replaceByLink((volume) => join(volume, 'restore')), /restore\/layers is missing/],
  ['layers/ that is a link', replaceByLink((volume) => join(volume, 'layers')), /layers\/ is a symbolic link/],
  ['a layer that is a link', replaceByLink(oneLayer), /layer sha256:\w+ is a symbolic link/],
  [
    'fs that is a link',
    replaceByLink(async (volume) => join(await oneLayer(volume), 'fs')),
    /layer sha256:\w+ is a symbolic link/,
  ],
  [
    'a missing layer',
    async (volume) => rm(await oneLayer(volume), { recursive: true }),
    /layer sha256:\w+ is missing/,
    'link',
  ],
  [
    'blobs/ that is a link',
    replaceByLink((volume) => join(volume, 'blobs/sha256')),
    /blobs\/ is a symbolic link/,
    'import',
  ],
  ['a blob that is a link', replaceByLink(oneBlob), /blob sha256:\w+ is a symbolic link/, 'import'],
  ['a missing blob', async (volume) => rm(await oneBlob(volume)), /blob sha256:\w+ is missing/, 'import'],
  [
    'neither layers nor blobs',
    async (volume) => {
      await rm(join(volume, 'layers'), { recursive: true });
      await rm(await oneBlob(volume));
    },
    /cannot link: layer sha256:\w+ is missing; cannot import: blob sha256:\w+ is missing/,
  ],
  [
    'a blob path outside the volume',
    forge('restore/blobs', (text) => text.replace(/ sha256:\w{9}/, ' sha256:../../../')),
    /blobs, line 1/,
  ],
  [
    'a blob without an image',
    forge('restore/blobs', (text) => text.replace(/sha256:\w+/, `sha256:${hex}`)),
    /blobs, line 1/,
  ],
  [
    'a blob with a size that is a command',
    forge('restore/blobs', (text) => text.replace(' -', ' $(id)')),
    /blobs, line 1/,
  ],
  ['a truncated list of layers', forge('restore/layers', (text) => text.slice(0, -9)), /layers, line 5/],
  ['an empty list of layers', forge('restore/layers', () => ''), /names, line 1/],
  ['an empty list of names', forge('restore/names', () => ''), /names is empty/],
  [
    'a layer path outside the volume',
    forge('restore/layers', (text) => text.replace(/sha256:\w{9}/, 'sha256:../../../')),
    /layers, line 1/,
  ],
  [
    'a layer that is a command',
    forge('restore/layers', (text) => text.replace('link', '$(touch ran)')),
    /layers, line/,
  ],
  [
    'a layer with an option',
    forge('restore/layers', (text) => text.replace('sha256:', '--address ')),
    /layers, line 1/,
  ],
  [
    'a parent that comes later',
    forge('restore/layers', (text) => text.split('\n').reverse().join('\n').trim()),
    /layers, line/,
  ],
  [
    'a missing parent',
    forge('restore/layers', (text) => text.replace(/ sha256:\w+/, ` sha256:${hex}`)),
    /layers, line/,
  ],
  ['a wrong depth', forge('restore/layers', (text) => text.replace(' 2 ', ' 3 ')), /layers, line/],
  ['a layer twice', forge('restore/layers', (text) => text + text), /layers, line 6/],
  ['two spaces', forge('restore/layers', (text) => text.replace(' - ', '  - ')), /layers, line 1/],
  ['a zero byte', forge('restore/layers', (text) => text.replace(' - ', ' -\0 ')), /layers, line 1/],
  ['a carriage return', forge('restore/names', (text) => text.replace('\n', '\r\n')), /names, line 1/],
  ['a name that is a command', forge('restore/names', (text) => text.replace('shop', '$(id)')), /names, line/],
  ['a name with a quote', forge('restore/names', (text) => text.replace('shop', 'shop",name!="')), /names, line/],
  ['a name that is an option', forge('restore/names', (text) => text.replace('registry', '--registry')), /names, line/],
  ['a name with a space', forge('restore/names', (text) => text.replace('/shop', ' /shop')), /names, line/],
  ['an empty line', forge('restore/names', (text) => `\n${text}`), /names, line 1/],
  ['a name twice', forge('restore/names', (text) => text + text), /names, line 7/],
  [
    'a top layer that is not listed',
    forge('restore/names', (text) => text.replace(/\w{64}\n/, `${hex}\n`)),
    /names, line 1/,
  ],
];
