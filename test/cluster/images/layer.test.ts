import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { layerBuilder } from './layer.ts';
import { blobPath } from './oci-layout.ts';
import { empty, oddFiles, whiteouts, zstd } from './odd-layers.ts';

const folder = mkdtempSync(join(tmpdir(), 'layer-test-'));
const listing = (digest: string, ...options: string[]): string[] => {
  const args = ['--list', '--numeric-owner', '--quoting-style=literal', ...options, '--file', blobPath(folder, digest)];
  return execFileSync('tar', args, { encoding: 'utf8' }).trimEnd().split('\n');
};

after(() => rmSync(folder, { recursive: true }));

const silent = () => {};

test('a layer has the same digest wherever it is built', async () => {
  for (const layer of [oddFiles, whiteouts, zstd, empty]) {
    const first = await layerBuilder(join(folder, 'first'), silent)(layer);
    const second = await layerBuilder(join(folder, 'second'), silent)(layer);
    assert.deepEqual(first, second, layer.name);
  }
});

test('a later run finds the layer and does not build it again', async () => {
  const runs = join(folder, 'runs');
  const layer = { name: 'counted', script: 'echo run >> "$RUNS"; cp "$RUNS" copy', inputs: { RUNS: runs } };
  const first = await layerBuilder(folder, silent)(layer);
  assert.deepEqual(await layerBuilder(folder, silent)(layer), first);
  assert.equal(readFileSync(runs, 'utf8'), 'run\n');
});

test('a script sees the blob of the layer below', async () => {
  const below = { name: 'below', script: 'echo hello > greeting' };
  const layer = { name: 'above', below, script: 'tar --extract --file="$BELOW"; mv greeting farewell' };
  assert.equal(listing((await layerBuilder(folder, silent)(layer)).digest).at(-1), 'farewell');
});

test('the error of a failing script includes the layer name', async () => {
  const layer = { name: 'broken', script: 'echo no space left >&2; exit 1' };
  await assert.rejects(layerBuilder(folder, silent)(layer), /cannot build layer broken:.*no space left/s);
});

test('the tar keeps all metadata that images can have', async () => {
  const { digest } = await layerBuilder(folder, silent)(oddFiles);
  const records = gunzipSync(readFileSync(blobPath(folder, digest))).toString('latin1');
  assert.match(records, /SCHILY\.xattr\.security\.capability=/);
  assert.match(records, /SCHILY\.xattr\.user\.note=kept too/);
  assert.match(records, /mtime=946684799\.123456789/);
  const lines = listing(digest, '--verbose');
  for (const line of [
    /^crw-r--r-- 0\/0 +1,3 .* odd\/null$/,
    /^prw-r--r-- 0\/0 .* odd\/fifo$/,
    /^-rwsr-xr-x 0\/0 .* odd\/setuid$/,
    /^-rw-r--r-- 2000000001\/4000000002 .* odd\/far-owner$/,
    /^hrw-r--r-- 0\/0 .* odd\/link-2 link to odd\/link-1$/,
  ]) {
    assert.ok(
      lines.some((found) => line.test(found)),
      `${line}`,
    );
  }
});
