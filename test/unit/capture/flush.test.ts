import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { writeBack } from '../../../src/capture/flush.ts';

describe('flushing in the background', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'preload-write-back-'));
  after(() => rm(folder, { recursive: true }));
  const { signal } = new AbortController();

  test('ends without an error if nothing failed, even if it never began', async () => {
    const disk = writeBack(folder, signal);
    await disk.end();
    disk.begin();
    disk.begin();
    await disk.end();
  });

  test('reports an earlier failure at the end, because the kernel reports it only once', async () => {
    const volume = join(folder, 'not-there-yet');
    const disk = writeBack(volume, signal);
    disk.begin();
    await assert.rejects(disk.end(), /No such file/);
    await mkdir(volume);
    await assert.rejects(disk.end(), /No such file/);
  });

  test('is aborted with the capture', async () => {
    await assert.rejects(writeBack(folder, AbortSignal.abort()).end(), { name: 'AbortError' });
  });
});
