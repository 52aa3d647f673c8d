import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CapturedImage } from '../../src/model/image.ts';
import { digestOf } from '../../src/model/oci.ts';
import { run } from '../cluster/machine/run.ts';

const FILE_TREE = join(import.meta.dirname, 'file-tree.sh');
// from an archive without its own timestamps, one line per file
const ARCHIVED = `tar -xf "$0/restore/images.tar" --to-command='echo "$TAR_FILENAME $(sha256sum)"' | sort`;

/** Asserts that the files of `volume` have these digests, by path. */
export const assertChecksums = async (volume: string, checksums: Record<string, string>): Promise<void> => {
  for (const [path, checksum] of Object.entries(checksums)) {
    assert.equal(digestOf(await readFile(join(volume, path))), checksum, path);
  }
};

/**
 * Checks all checksums of a sealed volume and describes its contents. The description depends only on the images, not on
 * when, in which order and from where they were captured.
 */
export const describeVolume = async (volume: string): Promise<string> => {
  const read = (path: string) => readFile(join(volume, path), 'utf8');
  const { created, uuid, checksums, images, ...rest } = JSON.parse(await read('preload.json'));
  assert.ok(created && uuid && rest.complete);
  await assertChecksums(volume, checksums);
  const blobs = (await readdir(join(volume, 'blobs/sha256'))).sort();
  for (const hex of blobs) assert.equal(digestOf(await readFile(join(volume, 'blobs/sha256', hex))), `sha256:${hex}`);
  const layers = (await readdir(join(volume, 'layers'))).sort();
  for (const hex of layers) assert.deepEqual(await readdir(join(volume, 'layers', hex)), ['fs']);
  const { manifests } = JSON.parse(await read('index.json'));
  const archived = (await run(['sh', '-c', ARCHIVED, volume])).split('\n');
  assert.equal(archived.filter((line) => !line.startsWith('blobs/')).length, 3, 'oci-layout, index.json and the end');
  return [
    ...(await readdir(volume)).sort(),
    JSON.stringify(rest),
    ...images.map(withoutSources).sort(),
    ...manifests.map((manifest: object) => JSON.stringify(manifest)).sort(),
    await read('restore/layers'),
    await read('restore/names'),
    ...(await read('restore/blobs').catch(() => '')).split('\n').sort(),
    await read('restore.sh'),
    ...archived.filter((line) => line.startsWith('blobs/')),
    ...blobs,
    ...layers,
    await run(['sh', FILE_TREE, ...layers.map((hex) => join(volume, 'layers', hex, 'fs'))]),
  ].join('\n');
};

const withoutSources = ({ names, layers, ...image }: CapturedImage): string =>
  JSON.stringify({ ...image, names: names.sort(), layers: layers.map(({ source, ...layer }) => layer) });

/** Chain IDs of the complete layers on a volume, sealed or not. */
export const layersOn = async (volume: string): Promise<string[]> => {
  const entries = await readdir(join(volume, 'layers')).catch(() => []);
  const whole = await Promise.all(entries.map((hex) => readdir(join(volume, 'layers', hex))));
  return entries.filter((_, index) => whole[index]?.includes('fs')).map((hex) => `sha256:${hex}`);
};
