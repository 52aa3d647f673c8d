import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { parseQuantity } from '../../src/model/units.ts';
import type { Layer } from '../cluster/images/layer.ts';
import { pushImages } from '../cluster/images/push.ts';
import { busybox } from '../cluster/images/root-filesystems.ts';
import { repetitions } from '../harness/repetitions.ts';
import { createNamespace, createPreload, deleteNamespaces, kubectl, onNode } from './support/commands.ts';
import { watchVolumes } from './support/watch-volumes.ts';

const NAMESPACE = 'sizes';
const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;
const COUNT = repetitions(300, 30);
const LARGE = repetitions(1500, 500); // MiB of all, unpacked
const FILES = 140_000; // more than mkfs.ext4 makes inodes for in 2Gi

const folder = await mkdtemp(join(tmpdir(), 'preload-sizes-'));

/** Text that compresses to about half of it, in many files. */
const layer = (name: string, mebibytes: number): Layer => ({
  name,
  script: `
    mkdir '${name}'
    head -c ${Math.ceil(mebibytes * 350_000)} /dev/urandom | base64 --wrap=0 | split --bytes=30K - '${name}/text-'
    head -c ${Math.ceil(mebibytes * 580_000)} /dev/zero | tr '\\0' x >'${name}/plain'`,
});

const push = (images: { name: string; layers: Layer[] }[]): Promise<string[]> =>
  pushImages(
    images.map(({ name, layers }) => ({ names: [name], layers: [busybox, ...layers] })),
    { registry: process.env.REGISTRY ?? '', cache: join(folder, 'images'), log: () => {} },
  );

let one: string[];
let many: string[];
let small: string[];

before(async () => {
  await createNamespace(NAMESPACE);
  const parts = ['first', 'second', 'third'].map((name) => layer(`one-${name}`, LARGE / 3));
  one = await push([{ name: 'sizes/one:1', layers: parts }]);
  const shared = layer('shared', 20);
  const numbers = Array.from({ length: COUNT }, (_, index) => index);
  many = await push(
    numbers.map((number) => ({
      name: `sizes/many-${number}:1`,
      layers: [shared, layer(`many-${number}`, LARGE / COUNT)],
    })),
  );
  const empty = { name: 'empty files', script: `seq ${FILES} | xargs touch` };
  small = (await push([{ name: 'sizes/small:1', layers: [empty] }])).map(unknown);
});

after(async () => {
  await deleteNamespaces(NAMESPACE);
  await rm(folder, { recursive: true });
});

/** The same image by a name that no node has a size for. */
const unknown = (name: string): string => name.replace('127.0.0.1', 'localhost');

const pull = (images: readonly string[]): Promise<string> => {
  const pullEach = 'for image; do ctr --namespace k8s.io images pull --platform linux/amd64 "$image" >/dev/null; done';
  return onNode('worker', ['sh', '-euc', pullEach, 'sh', ...images]);
};

/** Bytes of each volume that a run made. */
const volumesOf = (stderr: string): number[] =>
  [...stderr.matchAll(/^ ✓ Volume (\w+)$/gm)].map(([, size = '']) => parseQuantity(size) ?? 0);

/** Creates a preload on the node; returns the size of its only volume, the most that was used of it, and how long it took. */
const createWatched = async (name: string, ...args: string[]) => {
  const watch = await watchVolumes('worker');
  const started = performance.now();
  const { stderr } = await createPreload(NAMESPACE, name, ['--node', 'worker', ...args]);
  const seconds = Math.round((performance.now() - started) / 1000);
  const { used } = await watch.end();
  assert.doesNotMatch(stderr, /skipped/);
  const [size = 0, ...more] = volumesOf(stderr);
  assert.deepEqual(more, [], stderr);
  return { size, used, seconds, stderr };
};

type Watched = Awaited<ReturnType<typeof createWatched>>;

/** Says what a size that was planned costs and saves, beside a run whose size was given. */
const sayFigures = async (t: TestContext, name: string, images: readonly string[], found: Watched): Promise<void> => {
  const { seconds } = await createWatched(`given-${name}`, '--size', `${found.size}`, ...images);
  const sizes = `${found.size / MEBIBYTE}Mi for ${Math.round(found.used / MEBIBYTE)}Mi`;
  t.diagnostic(`${sizes} in ${found.seconds} s, with --size in ${seconds} s`);
};

/** At most 1.3 times what is used, and 512Mi. */
const assertTight = ({ size, used }: { size: number; used: number }, least = GIBIBYTE): void => {
  const figures = `${Math.round(size / MEBIBYTE)}Mi for ${Math.round(used / MEBIBYTE)}Mi`;
  assert.ok(used > 0 && used <= size, figures);
  assert.ok(size <= Math.max(least, 1.3 * used + 512 * MEBIBYTE), figures);
  assert.ok(size >= least, figures);
};

describe('the volume is not much larger than what is written to it', () => {
  const cases = [
    ['one image', () => one],
    [`${COUNT} images`, () => many],
  ] as const;
  for (const [what, images] of cases) {
    const name = what.replace(' ', '-');
    test(`${what} that no node has`, async (t) => {
      const found = await createWatched(`pulled-${name}`, ...images());
      assertTight(found);
      await sayFigures(t, `pulled-${name}`, images(), found);
      const again = await createWatched(`again-${name}`, '--base', `pulled-${name}`, ...images());
      assert.equal(again.size, await restoreSizeOf(`pulled-${name}`), 'the base has all of them');
    });

    test(`${what} that the node has`, async (t) => {
      await pull(images());
      const found = await createWatched(`copied-${name}`, ...images());
      assertTight(found);
      await sayFigures(t, `copied-${name}`, images(), found);
    });
  }

  test('a single small image gets 1Gi', async () => {
    const { size } = await createWatched('tiny', many[0] ?? '');
    assert.equal(size, GIBIBYTE);
  });
});

test('--size decides, and nothing is planned before', async () => {
  const { size, stderr } = await createWatched('given', '--size', '1500Mi', many[0] ?? '');
  assert.equal(size, 1500 * MEBIBYTE);
  assert.doesNotMatch(stderr, /Planning/);
});

test('a volume from a base has at least its size, and more if the new images need it', async () => {
  await createPreload(NAMESPACE, 'base', ['--node', 'worker', '--size', '1200Mi', many[0] ?? '']);
  const least = await restoreSizeOf('base');
  const { size } = await createWatched('same', '--base', 'base', many[0] ?? '');
  assert.equal(size, least);
  assertTight(await createWatched('more', '--base', 'base', ...one, ...many.slice(1)), least);
});

const restoreSizeOf = async (name: string): Promise<number> => {
  const size = ['get', 'volumesnapshot', '-n', NAMESPACE, name, '-o', 'jsonpath={.status.restoreSize}'];
  return parseQuantity(await kubectl(size)) ?? 0;
};

describe('many small files', () => {
  before(() => pull(small.map((name) => name.replace('localhost', '127.0.0.1'))));

  test('get a volume with enough inodes', async () => {
    const { size } = await createWatched('inodes', ...small);
    assert.ok(size >= FILES * 16 * 1024 && size < FILES * 20 * 1024, String(size));
  });

  test('get it from the loader if the plan fails', async () => {
    const metadata = { name: 'preload-unplanned-plan', namespace: NAMESPACE };
    const spec = { nodeSelector: { no: 'node' }, containers: [{ name: 'other', image: 'other' }] };
    await kubectl(['create', '-f', '-'], { apiVersion: 'v1', kind: 'Pod', metadata, spec });
    const { stderr } = await createPreload(NAMESPACE, 'unplanned', ['--node', 'worker', ...small]);
    assert.match(stderr, /^ ✓ Could not plan, so the size of the volume is a guess$/m);
    const [first, second = 0, ...more] = volumesOf(stderr);
    assert.equal(first, 2 * GIBIBYTE);
    assert.ok(second >= FILES * 16 * 1024 && second < FILES * 20 * 1024, String(second));
    assert.deepEqual(more, []);
  });
});
