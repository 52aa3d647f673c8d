import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { VOLUME_CONTENTS } from '../../../src/model/contents.ts';
import { parse, parseJson } from '../../../src/model/parse.ts';
import { digestLayer } from '../../../src/volume/layer-digest.ts';
import { takePlaces } from '../../../src/volume/place.ts';
import { verifyVolume } from '../../../src/volume/verify/verify-volume.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { run } from '../../cluster/machine/run.ts';
import { requested } from '../../harness/capture-request.ts';
import { startLoader } from '../../harness/loader-process.ts';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { startCaptureNode } from '../hostile/capture-node.ts';
import { AMD64, image, indexOf } from '../hostile/image-parts.ts';
import { startTableRegistry } from '../hostile/table-registry.ts';
import { blobOf, type Layer, TAR_END, tarHeader } from '../hostile/tar-layer.ts';

const MEBIBYTE = 1024 ** 2;
const BLOCK = 512 * 1024; // what a cloud loads at once
const VOLUME = 1024; // MiB
const FILES = 340; // of 2 MiB, which fill most of the volume

const folder = await mkdtemp(join(tmpdir(), 'preload-first-'));
const registry = await startTableRegistry();
const pause = `${registry.address}/sample/pause:1`;
const names = Array.from({ length: 12 }, (_, number) => `${registry.address}/sample/large-${number}:1`);
let node: PrivateNode;

const largeLayer = (): Layer => {
  const zeros = Buffer.alloc(2 * MEBIBYTE);
  const hash = createHash('sha256');
  const parts: Buffer[] = [];
  const add = (...pieces: Buffer[]) => {
    for (const piece of pieces) hash.update(piece);
    parts.push(gzipSync(Buffer.concat(pieces), { level: 1 }));
  };
  for (let number = 0; number < FILES; number++) add(tarHeader({ name: `file-${number}`, size: zeros.length }), zeros);
  add(TAR_END);
  return blobOf(Buffer.concat(parts), `sha256:${hash.digest('hex')}`);
};

before(async () => {
  await ensurePackages(['xfsprogs'], console.error);
  const layers = [largeLayer()];
  const config = { comment: 'x'.repeat(100_000) }; // documents take some space, too
  for (const name of names)
    registry.serve(name.slice(registry.address.length + 1, -2), indexOf([[image(name, { layers, config }), AMD64]]));
  registry.serve('sample/pause', indexOf([[image('pause'), AMD64]]));
  node = await startCaptureNode(join(folder, 'root'), pause);
  for (const name of [pause, ...names]) await node.ctr('images', 'pull', '--plain-http', name);
});

after(async () => {
  for (const { stop } of [node, registry]) await stop();
  await rm(folder, { recursive: true });
});

const capture = async (path: string, images: readonly string[]): Promise<void> => {
  const loader = await startLoader(node, folder, path, { images: images.map((name) => requested(name)) });
  const { code, stderr } = await loader.ended;
  assert.equal(code, 0, stderr);
};

/** The blocks of the device that have parts of these files. */
const blocksOf = async (files: readonly string[]): Promise<number[]> => {
  const blocks = new Set<number>();
  for (const line of (await run(['filefrag', '-b4096', '-v', ...files])).split('\n')) {
    const [, first, last] = /^ *\d+: +\d+\.\. *\d+: +(\d+)\.\. *(\d+):/.exec(line) ?? [];
    for (let at = Number(first); at <= Number(last); at++) blocks.add(Math.floor((at * 4096) / BLOCK));
  }
  return [...blocks].sort((a, b) => a - b);
};

for (const filesystem of ['ext4', 'xfs'] as const) {
  test(`${filesystem}: what restore.sh reads is side by side near the start of the volume, also after another capture`, async (t) => {
    const volume = await mountNewVolume(node, folder, filesystem, VOLUME, filesystem);
    for (const images of [names, names.slice(1)]) {
      await capture(volume.path, images);
      const { checksums } = parse(
        VOLUME_CONTENTS,
        parseJson(await readFile(join(volume.seen, 'preload.json'), 'utf8')),
      );
      assert.ok(checksums['restore/seed.tar']);
      const files = ['preload.json', ...Object.keys(checksums)].map((path) => join(volume.seen, path));
      const bytes = (await Promise.all(files.map((file) => readFile(file)))).reduce(
        (sum, { length }) => sum + length,
        0,
      );
      const blocks = await blocksOf(files);
      const [first = 0, last = 0] = [blocks.at(0), blocks.at(-1)];
      t.diagnostic(
        `${bytes} bytes in ${blocks.length} blocks from ${first} to ${last} of ${(VOLUME * MEBIBYTE) / BLOCK}`,
      );
      assert.ok(last - first < (3 * bytes) / BLOCK, `blocks ${blocks}`); // ext4 aligns files
      assert.ok(last * BLOCK < 160 * MEBIBYTE, `blocks ${blocks}`);
      assert.deepEqual(
        (await readdir(volume.seen, { recursive: true })).filter((path) => /^\.(places|new)/.test(path)),
        [],
      );
      const digest = (chainId: string) => digestLayer(volume.seen, chainId);
      assert.deepEqual((await verifyVolume(volume.seen, digest, () => {})).problems, []);
      await volume.check(); // the next capture has a new mount, as after --base
    }
    await volume.remove();
  });
}

test('on a volume without space for them, no places are taken', async () => {
  const volume = await mountNewVolume(node, folder, 'full', 8);
  const sizes = [['preload.json', MEBIBYTE] as const, ['restore/seed.tar', 16 * MEBIBYTE] as const];
  await takePlaces(volume.seen, new Map(sizes));
  assert.deepEqual(
    (await readdir(volume.seen, { recursive: true })).filter((path) => path !== 'lost+found'),
    [],
  );
  await volume.remove();
});
