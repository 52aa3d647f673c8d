import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { listNodeFolder, readNodeFile } from '../../../src/node/files.ts';

describe('files on a node', async () => {
  const root = await mkdtemp(join(tmpdir(), 'preload-node-files-'));
  await mkdir(join(root, 'etc/real'), { recursive: true });
  await writeFile(join(root, 'etc/real/file'), 'the node’s');
  for (const [path, target] of Object.entries({
    absolute: '/etc/real/file',
    relative: 'real/file',
    upwards: '../../../../etc/real/file',
    folder: '/etc/real',
    loop: 'loop',
    dangling: '/etc/nothing',
  })) {
    await symlink(target, join(root, 'etc', path));
  }
  after(() => rm(root, { recursive: true }));

  for (const path of ['/etc/real/file', '/etc/absolute', '/etc/relative', '/etc/upwards', '/etc/folder/file']) {
    test(path, async () => assert.equal(await readNodeFile(root, path), 'the node’s'));
  }
  for (const path of ['/etc/nothing', '/etc/dangling', '/etc/real/file/below']) {
    test(`${path} does not exist`, async () => assert.equal(await readNodeFile(root, path), undefined));
  }
  test('a loop of links is an error', () => assert.rejects(readNodeFile(root, '/etc/loop'), /too many symbolic links/));
  test('folders', async () => {
    assert.deepEqual(await listNodeFolder(root, '/etc/folder'), ['file']);
    assert.equal(await listNodeFolder(root, '/etc/real/file'), undefined);
  });
});
