import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { indexDocument } from './oci-image.ts';
import { blobPath, writeDocuments, writeNames } from './oci-layout.ts';

test('several writers of the same layout do not disturb each other', async (t) => {
  const layout = await mkdtemp(join(tmpdir(), 'layout-test-'));
  t.after(() => rm(layout, { recursive: true }));
  const index = indexDocument([]);
  const write = async (): Promise<void> => {
    await writeDocuments(layout, [index]);
    await writeNames(layout, new Map([['empty:1', index.descriptor]]));
  };
  await Promise.all(Array.from({ length: 20 }, write));

  const path = blobPath(layout, index.descriptor.digest);
  assert.equal(await readFile(path, 'utf8'), index.content);
  assert.equal((await readdir(dirname(path))).length, 1);
  assert.deepEqual((await readdir(layout)).sort(), ['blobs', 'index.json', 'oci-layout']);
});
