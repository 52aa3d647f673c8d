import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileIn, gnuTar, type TarEntry } from '../../../../src/volume/seed/gnu-tar.ts';

const long = 'x'.repeat(150);
const entries: TarEntry[] = [
  { type: 'file', name: 'list', mode: 0o644, data: Buffer.from('one\n') },
  { type: 'folder', name: 'folder', mode: 0o711 },
  { type: 'file', name: 'folder/empty', mode: 0o600, data: Buffer.of() },
  { type: 'file', name: `folder/${long}`, mode: 0o444, data: Buffer.alloc(1000, 'y') },
  { type: 'link', name: 'folder/short', mode: 0o777, target: '/target' },
  { type: 'link', name: `folder/link-${long}`, mode: 0o777, target: `/${long}/${long}` },
  { type: 'file', name: 'block', mode: 0o644, data: Buffer.alloc(512, 'z') },
];
const archive = Buffer.concat(gnuTar(entries));

test('tar reads names and targets of any length, and all belongs to root', () => {
  const options = ['--numeric-owner', '--utc', '--full-time', '-tvf', '-'];
  const listing = execFileSync('tar', options, { input: archive }).toString();
  assert.deepEqual(
    listing
      .trim()
      .split('\n')
      .map((line) => line.replaceAll(/ +/g, ' ').replace(' 1970-01-01 00:00:00', '')),
    [
      '-rw-r--r-- 0/0 4 list',
      'drwx--x--x 0/0 0 folder/',
      '-rw------- 0/0 0 folder/empty',
      `-r--r--r-- 0/0 1000 folder/${long}`,
      'lrwxrwxrwx 0/0 0 folder/short -> /target',
      `lrwxrwxrwx 0/0 0 folder/link-${long} -> /${long}/${long}`,
      '-rw-r--r-- 0/0 512 block',
    ],
  );
});

test('a file is found by its name', () => {
  assert.equal(fileIn(archive, 'list').toString(), 'one\n');
  assert.equal(fileIn(archive, 'block').toString(), 'z'.repeat(512));
  assert.equal(execFileSync('tar', ['-xOf', '-', 'block'], { input: archive }).toString(), 'z'.repeat(512));
});

test('a file that is missing or cut off is not found', () => {
  assert.throws(() => fileIn(archive, 'lis'), /it has no lis$/);
  assert.throws(() => fileIn(archive.subarray(0, -1200), 'block'), /it has no block$/);
  assert.throws(() => fileIn(Buffer.alloc(5000, '7'), 'list'), /it has no list$/);
});
