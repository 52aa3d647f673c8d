import assert from 'node:assert/strict';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pushImages } from '../cluster/images/push.ts';
import { busybox } from '../cluster/images/root-filesystems.ts';
import { run } from '../cluster/machine/run.ts';
import { requested } from '../harness/capture-request.ts';
import { differences } from '../harness/differences.ts';
import { type Ended, startExportNode, startLoader } from '../harness/loader-process.ts';
import { type LoopVolume, mountNewVolume } from '../harness/loop-volume.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { repetitions } from '../harness/repetitions.ts';
import { sample } from '../harness/sample.ts';
import { describeVolume } from '../harness/sealed-volume.ts';
import { seed, seededRandom } from '../harness/seeded-random.ts';
import { storeOf } from './support/node-store.ts';

const MEBIBYTE = 1024 ** 2;
const ROUNDS = repetitions(3, 2); // by turns with images that may be skipped
const LARGE = 512; // MiB, more than enough
// plans guess what layers unpack to if gzip does not say it: zeros are more
const ZEROS = { layers: 10, megabytes: 16 };
const PULLED = ['zeros:1', 'zeros:2'].map(sample);
const CACHED = ['whiteouts:1', 'twice:1', 'ops/agent:1.0', 'ops/backup:1.0'].map(sample);

const random = seededRandom(seed);
const folder = await mkdtemp(join(tmpdir(), 'preload-full-'));
let node: PrivateNode;
let asFound: string[];

before(async () => {
  const layers = Array.from({ length: ZEROS.layers }, (_, number) => ({
    name: `zeros ${number}`,
    script: `head -c ${ZEROS.megabytes}M /dev/zero >zeros-${number}`,
    compression: 'zstd' as const,
  }));
  const images = [
    { names: ['zeros:1'], layers: [busybox, ...layers.slice(0, 5)] },
    { names: ['zeros:2'], layers: [busybox, ...layers.slice(5)] },
  ];
  await pushImages(images, { registry: process.env.REGISTRY ?? '', cache: join(folder, 'images'), log: () => {} });
  node = await startExportNode(join(folder, 'root'), '2');
  const pull = ['images', 'pull', '--platform', 'linux/amd64'];
  for (const image of [...CACHED, sample('pause:3.10')]) await node.ctr(...pull, image);
  asFound = await storeOf(node.ctr);
});

after(async () => {
  await node.stop();
  await rm(folder, { recursive: true });
});

const request = (images: readonly string[], required: boolean) => ({
  images: images.map((name) => requested(name, { required })),
});

const capture = async (volume: LoopVolume, images: readonly string[], required = true): Promise<Ended> =>
  (await startLoader(node, folder, volume.path, request(images, required))).ended;

/** What is sealed if there is enough space. */
const undisturbed = async (images: readonly string[]): Promise<string> => {
  const volume = await mountNewVolume(node, folder, 'undisturbed', LARGE);
  const { code, stderr } = await capture(volume, images);
  assert.equal(code, 0, stderr);
  const sealed = await describeVolume(volume.seen);
  await volume.remove();
  return sealed;
};

/** Images that may be skipped cost only themselves. */
const assertFull = ({ code, stderr, events }: Ended, required: boolean): void => {
  const reasons = events.flatMap((event) => (event.type === 'skipped' ? [event.reason] : []));
  if (!required) {
    assert.ok(reasons.length > 0, stderr);
    for (const reason of reasons) assert.equal(reason, 'the volume is full; run create again with a larger --size');
    const captured = events.filter(({ type }) => type === 'image').length;
    if (code !== 0) assert.equal(captured, 0, stderr);
    assert.equal(
      events.some(({ type }) => type === 'sealed'),
      captured > 0,
    );
    return;
  }
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^error: the volume is full\nhint: run create again with a larger --size$/m);
  assert.deepEqual(
    events.filter(({ type }) => type === 'skipped' || type === 'sealed'),
    [],
  );
};

describe(`a full volume is reported, and a rerun continues (SEED=${seed})`, () => {
  test('if unpacked layers are larger than estimated', async () => {
    const expected = await undisturbed(PULLED);
    for (let round = 0; round < ROUNDS; round += 1) {
      const size = 96 + Math.floor(random() * 70); // MiB; the layers have 160
      const volume = await mountNewVolume(node, folder, `unpacked-${round}`, size);
      const required = round % 2 === 0;
      assertFull(await capture(volume, PULLED, required), required);
      if (required) await assert.rejects(describeVolume(volume.seen), /preload\.json/);
      await volume.grow(LARGE);
      const { code, stderr } = await capture(volume, PULLED);
      assert.equal(code, 0, stderr);
      assert.deepEqual(differences(await describeVolume(volume.seen), expected), [], `${size} MiB at first`);
      await volume.check();
      await volume.remove();
    }
  });

  test('if something else fills it', async () => {
    const expected = await undisturbed(CACHED);
    for (let round = 0; round < ROUNDS; round += 1) {
      const volume = await mountNewVolume(node, folder, `copied-${round}`, LARGE);
      const required = round % 2 === 0;
      const free = Math.floor(random() * 14 * MEBIBYTE); // the images have 16 MiB
      const loader = await startLoader(node, folder, volume.path, request(CACHED, required));
      await loader.reported('plan');
      const pid = await loader.pid();
      process.kill(pid, 'SIGSTOP');
      await fill(volume, free).finally(() => process.kill(pid, 'SIGCONT'));
      assertFull(await loader.ended, required);
      await node.run(['mount', '-o', 'remount,rw', volume.path]);
      await rm(join(volume.seen, 'lost+found/filler'));
      const { code, stderr } = await capture(volume, CACHED);
      assert.equal(code, 0, stderr);
      assert.deepEqual(differences(await describeVolume(volume.seen), expected), [], `${free} bytes were free`);
      await volume.check();
      await volume.remove();
    }
    assert.deepEqual(await storeOf(node.ctr), asFound);
  });
});

/** Fills the volume until only `free` bytes are left, although what the loader has started may still write. */
const fill = async (volume: LoopVolume, free: number, tries = 5): Promise<void> => {
  const filler = join(volume.seen, 'lost+found/filler');
  const { bavail, bsize } = await statfs(volume.seen);
  try {
    await run(['fallocate', '--length', `${bavail * bsize - free}`, filler]);
  } catch (error) {
    await rm(filler);
    if (tries === 1) throw error;
    await fill(volume, free, tries - 1);
  }
};
