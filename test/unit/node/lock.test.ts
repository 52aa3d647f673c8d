import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockVolume } from '../../../src/node/lock.ts';

const volume = await mkdtemp(join(tmpdir(), 'preload-lock-'));
after(() => rm(volume, { recursive: true }));

test('only one export can use a volume at a time', async () => {
  const unlock = await lockVolume('/', volume);
  await assert.rejects(lockVolume('/', volume), { message: 'another export is using this volume' });
  await unlock();
  await (await lockVolume('/', volume))();
});

test('a node without flock is reported as such, not as a volume in use', () =>
  assert.rejects(lockVolume(volume, volume), {
    message: /^cannot lock the volume: chroot: failed to run command .*flock.*: No such file or directory$/,
    hint: 'install flock (util-linux or busybox) on the node',
  }));

test('a missing volume', () =>
  assert.rejects(lockVolume('/', join(volume, 'nowhere')), {
    message: /^cannot open the volume: no such file or directory: /,
    hint: 'specify where it is mounted with --to',
  }));
