import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { mappedPaths, parseCached, parseMaps } from '../../../src/node/page-cache.ts';

test('the files that a process has mapped', async () => {
  const paths = await mappedPaths('/', `${process.pid}`);
  assert.equal(paths[0], process.execPath);
  assert.ok(paths.some((path) => /\/libc[.-]/.test(path)));
  assert.equal(new Set(paths).size, paths.length);
  assert.deepEqual(await mappedPaths('/', '0'), []);
});

test('paths in /proc/PID/maps, also with spaces', async () => {
  const maps = `55d0c0a00000-55d0c0a02000 r--p 00000000 fe:00 1234                       /usr/bin/my program
7f0000000000-7f0000001000 rw-p 00000000 00:00 0 
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
7f0000002000-7f0000003000 r-xp 00000000 fe:00 99                         /lib/gone.so (deleted)
`;
  assert.deepEqual(parseMaps(maps), ['/usr/bin/my program', '/lib/gone.so (deleted)']);
  assert.ok(parseMaps(await readFile('/proc/self/maps', 'utf8')).length > 0);
});

test('names that fincore escapes', () => {
  const output =
    '4096 6 ./usr/a\\x20b\n8192 7000 ./gr\\xc3\\xbc\\xc3\\x9fe\n4096 1 ./back\\x5cx41\n4096 1 ./two\\x0alines\nwarning\n';
  assert.deepEqual(
    parseCached(output).map(({ path }) => path),
    ['back\\x41', 'grüße', 'two\nlines', 'usr/a b'],
  );
});

test('a large file is sparse if less than half of it is in the cache', () => {
  const output = '4096 1048576 ./small\n4000000 8388608 ./sparse\n4194304 8388608 ./used\n';
  assert.deepEqual(parseCached(output), [
    { path: 'small', sparse: false },
    { path: 'sparse', sparse: true },
    { path: 'used', sparse: false },
  ]);
});
