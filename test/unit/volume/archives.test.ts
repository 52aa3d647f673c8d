import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { blobPath, digestOf, parseDocument } from '../../../src/model/oci.ts';
import { archiveName, writeArchivePerImage } from '../../../src/volume/archives.ts';
import { digest } from '../../harness/captured-images.ts';

const run = promisify(execFile);
const volume = await mkdtemp(join(tmpdir(), 'preload-archives-'));
after(() => rm(volume, { recursive: true }));

const json = (document: unknown) => parseDocument(Buffer.from(JSON.stringify(document)));
const config = json({ rootfs: { diff_ids: [digest('a'), digest('a')] } });
const manifest = json({ config: { digest: config.digest }, layers: [] });
const data = Buffer.alloc(100_000, 7);
const layer = { digest: digestOf(data), size: data.length };
const layers = ['a', 'b'].map((id) => ({ chainId: digest(id), ...layer }));
const image = { names: ['r.io/a/b:1', 'r.io/a/b:2'], target: manifest, documents: [manifest], config, layers };

describe('the name of an archive', () => {
  test('has the image name and part of its digest', () => {
    assert.equal(archiveName(image), `r.io_a_b_1-${manifest.digest.slice(7, 19)}.tar`);
  });

  test('is never too long for a file system', () => {
    assert.ok(archiveName({ ...image, names: [`r.io/${'x'.repeat(300)}:1`] }).length < 255);
  });

  test('has no characters that are special in a shell', () => {
    assert.match(archiveName({ ...image, names: ["r.io/$(id)';:1"] }), /^[\w.-]+$/);
  });
});

test('an archive has each document and each blob once', async () => {
  await mkdir(join(volume, 'blobs/sha256'), { recursive: true });
  await writeFile(join(volume, blobPath(layer.digest)), data);
  await writeArchivePerImage(volume, [image]);
  const { stdout } = await run('tar', ['-tf', join(volume, archiveName(image))]);
  const blobs = [manifest, config, layer].map((blob) => blobPath(blob.digest));
  assert.deepEqual(stdout.trim().split('\n'), ['oci-layout', 'index.json', ...blobs]);
  const path = blobPath(layer.digest);
  const extracted = await run('tar', ['-xOf', join(volume, archiveName(image)), path], { encoding: 'buffer' });
  assert.equal(digestOf(extracted.stdout), layer.digest);
});

test('a missing blob fails the archive, and no file stays open', async () => {
  const lost = {
    ...image,
    names: ['r.io/lost:1'],
    layers: [{ ...layers[0], chainId: '', digest: digest('f'), size: 5 }],
  };
  await assert.rejects(writeArchivePerImage(volume, [lost]), { code: 'ENOENT' });
  const open = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => run('readlink', [`/proc/${process.pid}/fd/${fd}`]).catch(() => '')),
  );
  assert.ok(!JSON.stringify(open).includes('lost'));
});
