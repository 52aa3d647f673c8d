import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../cluster/machine/run.ts';

const FILE_TREE = join(import.meta.dirname, '../../harness/file-tree.sh');
const TREE = `printf A >file; mkdir folder; ln -s nowhere link; mknod device c 1 3; cp file capable; cp file link-1
  ln link-1 link-2; setfattr -n trusted.note -v a folder; setcap cap_kill+ep capable; touch -hd 2020-01-01 *`;

const scratch = await mkdtemp(join(tmpdir(), 'preload-tree-'));
after(() => rm(scratch, { recursive: true }));

for (const [what, change] of Object.entries({
  content: 'printf B >file; touch -d 2020-01-01 file',
  'a mode': 'chmod u+s file',
  'an owner': 'chown 7:0 file',
  'a group': 'chown 0:7 folder',
  'a time that differs by a nanosecond': 'touch -d "2020-01-01 00:00:00.000000001" file',
  'a link target': 'ln -sfn elsewhere link; touch -hd 2020-01-01 link',
  'a device number': 'rm device; mknod device c 1 5; touch -d 2020-01-01 device',
  'a device type': 'rm device; mknod device b 1 3; touch -d 2020-01-01 device',
  'a hard link replaced by a copy': 'ln link-1 other; cp -a link-1 copy; mv copy link-1; rm other',
  'another attribute value': 'setfattr -n trusted.note -v b folder',
  'a removed attribute': 'setfattr -x trusted.note folder',
  'another capability': 'setcap cap_chown+ep capable',
  'a new folder': 'mkdir folder/new; touch -d 2020-01-01 folder/new folder',
})) {
  test(`file-tree.sh shows ${what}`, async () => {
    const folder = await mkdtemp(join(scratch, 'tree-'));
    await inFolder(folder, TREE);
    const before = await run(['sh', FILE_TREE, folder]);
    await inFolder(folder, 'touch .');
    assert.equal(await run(['sh', FILE_TREE, folder]), before);
    await inFolder(folder, change);
    assert.notEqual(await run(['sh', FILE_TREE, folder]), before);
  });
}

const inFolder = (folder: string, script: string): Promise<string> => run(['sh', '-euc', `cd "$0"; ${script}`, folder]);
