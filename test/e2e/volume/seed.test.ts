import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { VOLUME_CONTENTS, type VolumeContents } from '../../../src/model/contents.ts';
import { PreloadError } from '../../../src/model/errors.ts';
import { parse, parseJson } from '../../../src/model/parse.ts';
import type { CaptureRequest } from '../../../src/model/request.ts';
import { SEED } from '../../../src/volume/format.ts';
import { digestLayer } from '../../../src/volume/layer-digest.ts';
import { DATABASE_FILES } from '../../../src/volume/seed/archive.ts';
import { compactBolt, readBolt } from '../../../src/volume/seed/bolt.ts';
import { fileIn, gnuTar } from '../../../src/volume/seed/gnu-tar.ts';
import { collectProblems } from '../../../src/volume/verify/problems.ts';
import { checkSeed } from '../../../src/volume/verify/seed.ts';
import { verifyVolume } from '../../../src/volume/verify/verify-volume.ts';
import { goBuild } from '../../cluster/go-build.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { run } from '../../cluster/machine/run.ts';
import { CONTAINERD_VERSIONS, type ContainerdVersion } from '../../cluster/node/config.ts';
import { requested } from '../../harness/capture-request.ts';
import { startLoader } from '../../harness/loader-process.ts';
import { type LoopVolume, mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { startCaptureNode } from '../hostile/capture-node.ts';
import { HONEST_LAYERS, honestImage, REMOTE_LAYER } from '../hostile/honest-image.ts';
import { AMD64, image, indexOf, ownLayer } from '../hostile/image-parts.ts';
import { startTableRegistry } from '../hostile/table-registry.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-seed-'));
const registry = await startTableRegistry();
const named = (name: string) => `${registry.address}/sample/${name}:1`;
const [base, middle] = HONEST_LAYERS;
const shared = image('shared', { layers: [base, middle, ownLayer()] });
const broken = image('broken', { layers: [base, REMOTE_LAYER], served: [base] });
registry.serve('sample/pause', indexOf([[image('pause'), AMD64]]));
registry.serve('sample/honest', honestImage());
registry.serve('sample/shared', shared);
registry.serve('sample/same', indexOf([[shared, AMD64]])); // another target, but the same image in CRI
registry.serve('sample/broken', broken);
registry.serve('sample/late', image('late', { layers: [base, middle, ownLayer()] }));
const [pause, honest] = [named('pause'), named('honest')];
const ALL = ['honest', 'shared', 'same'].map(named);

before(() => ensurePackages(['busybox-static'], console.error));
after(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

/** Captures images of which none must succeed. Returns the warnings. */
const capture = async (
  node: PrivateNode,
  files: string,
  { path }: LoopVolume,
  names: readonly string[],
  request: Partial<CaptureRequest> = {},
): Promise<string[]> => {
  const images = names.map((name) => requested(name, { required: false }));
  const loader = await startLoader(node, files, path, { images, ...request });
  const { code, stderr, events } = await loader.ended;
  assert.equal(code, 0, stderr);
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
};

const contentsOf = async (volume: string): Promise<VolumeContents> =>
  parse(VOLUME_CONTENTS, parseJson(await readFile(join(volume, 'preload.json'), 'utf8')));

const problemsOf = async (volume: string) =>
  (
    await verifyVolume(
      volume,
      (chainId) => digestLayer(volume, chainId),
      () => {},
    )
  ).problems;

/** A test with a node that has the images in its cache, and an empty volume. */
const onCaptureNode = (
  version: ContainerdVersion,
  title: string,
  body: (node: PrivateNode, files: string, volume: LoopVolume) => Promise<void>,
): Promise<void> =>
  test(`containerd ${version}: ${title}`, async () => {
    const files = await mkdtemp(join(folder, 'node-'));
    const node = await startCaptureNode(join(files, 'root'), pause, version);
    try {
      for (const name of [pause, honest]) await node.ctr('images', 'pull', '--plain-http', name);
      const volume = await mountNewVolume(node, files, 'volume', 128);
      await body(node, files, volume);
      await volume.check(); // nothing of the seed's containerd is left on it
      await volume.remove();
    } finally {
      await node.stop();
    }
  });

/** Starts a node whose containerd has had the seed from its first start on. The volume is a copy. */
const startWithSeed = async (
  volume: string,
  version: ContainerdVersion,
  tar: readonly string[],
): Promise<{ node: PrivateNode; copy: string }> => {
  const files = await mkdtemp(join(folder, 'new-'));
  const [copy, root, state] = ['volume', 'root/containerd', 'root/var/lib/kubectl-preload'].map((name) =>
    join(files, name),
  ) as [string, string, string];
  await run(['cp', '-a', volume, copy]);
  for (const path of [root, state]) await mkdir(path, { recursive: true });
  await symlink(copy, join(state, (await contentsOf(volume)).set));
  await run([...tar, '-xpf', join(copy, SEED), '-C', root]);
  return { node: await startCaptureNode(join(files, 'root'), pause, version), copy };
};

/** Asserts that a node that starts with the seed of the volume has all images, and that its store works. */
const assertStarts = async (volume: string, version: ContainerdVersion, tar: readonly string[]): Promise<void> => {
  const { node, copy } = await startWithSeed(volume, version, tar);
  try {
    const { code, stderr } = await node.run(['sh', join(copy, 'restore.sh'), '--check']);
    assert.equal(code, 0, `on ${version}: ${stderr}`);
    const listed = await node.run(['crictl', 'images', '--output', 'json']);
    for (const name of ALL) assert.ok(listed.stdout.includes(name), `${name} on ${version}: ${listed.stdout}`);
    await node.ctr('images', 'rm', '--sync', honest); // what it collects then is not what others need
    await node.ctr('images', 'pull', '--plain-http', named('late'));
    await node.ctr('images', 'mount', named('late'), '/mnt');
  } finally {
    await node.stop();
  }
};

for (const version of CONTAINERD_VERSIONS) {
  onCaptureNode(version, 'every containerd that starts with its seed has all images', async (node, files, volume) => {
    assert.deepEqual(await capture(node, files, volume, ALL), []);
    assert.deepEqual(await problemsOf(volume.seen), []);
    const { seedContainerd, seedSchema } = await contentsOf(volume.seen);
    assert.match(seedContainerd ?? '', new RegExp(`^${version.replaceAll('.', '\\.')}\\.\\d+`));
    assert.equal(seedSchema, version === '2' ? 4 : 3);
    for (const [index, other] of CONTAINERD_VERSIONS.entries()) {
      const tar = index % 2 ? ['busybox', 'tar'] : ['tar'];
      await assertStarts(volume.seen, other, tar);
    }
  });
}

/** The archive with another content of a file. */
const withFile = (archive: Buffer, name: string, data: Buffer): Buffer => {
  const start = archive.indexOf(`${name}\0`);
  const mode = Number.parseInt(archive.toString('latin1', start + 100, start + 107), 8);
  const entryOf = (content: Buffer) =>
    Buffer.concat(gnuTar([{ type: 'file', name, mode, data: content }]).slice(0, -1));
  const end = start + entryOf(fileIn(archive, name)).length;
  return Buffer.concat([archive.subarray(0, start), entryOf(data), archive.subarray(end)]);
};

onCaptureNode('2', 'a seed can come from a kernel that has pages of 64 KiB', async (node, files, volume) => {
  await capture(node, files, volume, ALL);
  const [copy, small, large] = ['copy', 'small.db', 'large.db'].map((name) => join(files, name)) as [
    string,
    string,
    string,
  ];
  await run(['cp', '-a', volume.seen, copy]);
  const program = join(await goBuild('bolt', console.error), 'bolt');
  let seed: Buffer = await readFile(join(copy, SEED));
  for (const name of Object.values(DATABASE_FILES)) {
    await writeFile(small, fileIn(seed, name));
    await run([program, small, large, `${64 * 1024}`]);
    seed = withFile(seed, name, compactBolt(await readFile(large)));
    assert.equal(fileIn(seed, name).readUInt32LE(16 + 8), 64 * 1024, 'its first page says so');
    await rm(large);
  }
  await writeFile(join(copy, SEED), seed);
  const problems = collectProblems();
  await checkSeed(copy, await contentsOf(copy), problems);
  assert.deepEqual(problems.all(), []);
  for (const version of CONTAINERD_VERSIONS) await assertStarts(copy, version, ['tar']);
});

onCaptureNode('2', 'a rerun makes a seed of what it captures; --no-seed leaves it out', async (node, files, volume) => {
  await capture(node, files, volume, ALL);
  const first = await readFile(join(volume.seen, SEED));
  await capture(node, files, volume, [honest]);
  assert.deepEqual(await problemsOf(volume.seen), []);
  assert.notDeepEqual(await readFile(join(volume.seen, SEED)), first);
  const mixed = join(files, 'mixed');
  await run(['cp', '-a', volume.seen, mixed]);
  await writeFile(join(mixed, SEED), first);
  assert.deepEqual(
    (await problemsOf(mixed)).map(({ path, problem }) => [path, problem]),
    [[SEED, 'differs from what was captured']],
  );
  await capture(node, files, volume, [honest], { seed: false });
  assert.deepEqual(await problemsOf(volume.seen), []);
  const { checksums, seedContainerd } = await contentsOf(volume.seen);
  assert.deepEqual([checksums[SEED], seedContainerd], [undefined, undefined]);
  await assert.rejects(readFile(join(volume.seen, SEED)), { code: 'ENOENT' });
});

onCaptureNode('2', 'after a kill, no volume has the seed of other images', async (node, files, volume) => {
  const rounds = repetitions(20, 4);
  let duration = 0;
  let unfinished = 0;
  for (let round = 0; round <= rounds; round++) {
    await capture(node, files, volume, ALL);
    const loader = await startLoader(node, files, volume.path, { images: [requested(honest)] });
    await loader.reported('plan');
    const begin = performance.now();
    if (round > 0) await sleep((duration * (round - 1 + Math.random())) / rounds).then(loader.kill);
    await loader.ended;
    duration ||= performance.now() - begin;
    const isFinished = existsSync(join(volume.seen, 'preload.json'));
    const problems = await problemsOf(volume.seen);
    const { code } = await node.run(['sh', join(volume.path, 'restore.sh'), '--check']);
    if (isFinished) assert.deepEqual(problems, []);
    else assert.ok(problems.length > 0 && ![0, 1].includes(code ?? 0), `${code}`); // without the script, it is that of sh
    unfinished += isFinished ? 0 : 1;
  }
  assert.ok(unfinished > 0, 'none was killed early enough');
});

onCaptureNode('2', 'an image that is skipped while layers come is not in the seed', async (node, files, volume) => {
  await capture(node, files, volume, [...ALL, named('broken')]);
  const { images, seedSchema } = await contentsOf(volume.seen);
  assert.deepEqual([images.some(({ names }) => names.includes(named('broken'))), seedSchema], [false, 4]);
  assert.deepEqual(await problemsOf(volume.seen), []);
});

onCaptureNode(
  '2',
  'if the seed cannot be built, a warning says why, and images are still checked',
  async (node, files, volume) => {
    const program = join(files, 'containerd');
    const script = 'case $* in */memory/*) echo "it does not like memory" >&2; exit 1 ;; esac\nexec containerd "$@"\n';
    await writeFile(program, `#!/bin/sh\n${script}`, { mode: 0o755 });
    const tools = { ctrPath: 'ctr', ctrFlags: '', containerdPath: program };
    const [warning, ...others] = await capture(node, files, volume, ALL, { tools });
    assert.match(warning ?? '', /^the volume gets no seed, so nodes take longer to restore it: .*does not like memory/);
    assert.deepEqual(others, []);
    assert.equal((await contentsOf(volume.seen)).images.length, 4);
    assert.deepEqual(await problemsOf(volume.seen), []);
  },
);

describe('verify detects what a seed has that the lists do not have', () => {
  let volume: string;
  let contents: VolumeContents;
  let seed: Buffer;

  before(async () => {
    const node = await startCaptureNode(join(folder, 'forged'), pause);
    try {
      const mounted = await mountNewVolume(node, folder, 'forged-volume', 128);
      await capture(node, folder, mounted, ALL);
      volume = join(folder, 'copy');
      await run(['cp', '-a', mounted.seen, volume]);
      await mounted.remove();
    } finally {
      await node.stop();
    }
    contents = await contentsOf(volume);
    seed = await readFile(join(volume, SEED));
  });

  /** What verify says of a seed that whoever wrote it has also given the right checksum. */
  const problemOf = async (forged: Buffer): Promise<string | undefined> => {
    await writeFile(join(volume, SEED), forged);
    const problems = collectProblems();
    await checkSeed(volume, contents, problems);
    return problems.all()[0]?.problem;
  };

  /** The seed with each `from` replaced by `to`, which is as long. */
  const replaced = (from: string, to: string): Buffer => {
    assert.equal(to.length, from.length);
    const text = seed.toString('latin1');
    assert.ok(text.includes(from), from);
    return Buffer.from(text.replaceAll(from, to), 'latin1');
  };

  test('none in the one that was captured', async () => assert.equal(await problemOf(seed), undefined));

  const digest = (text: string) => text.replaceAll(/[0-9a-f]{64}/g, (hex) => hex.replaceAll(/[0-9]/g, '0'));
  const forgeries: [what: string, forge: () => Buffer, problem: RegExp][] = [
    ['another name', () => replaced('sample/honest:1', 'sample/honest:0'), /holds|instead of/],
    [
      'a name for another image',
      () => {
        const [one, two] = contents.images.filter(({ sandbox }) => !sandbox).map((each) => each.digest);
        return replaced(one ?? '', two ?? '');
      },
      /./,
    ],
    [
      'no pins',
      () => replaced('io.cri-containerd.pinned', 'io.cri-containerd.pinnes'),
      /label io\.cri-containerd\.pinned/,
    ],
    ['labels that CRI does not know', () => replaced('managed', 'manaqed'), /label io\.cri-containerd\.image/],
    ['another set', () => replaced(contents.set, '000000000000'), /label kubectl-preload\/set/],
    [
      'layers that garbage collection removes',
      () => replaced('containerd.io/gc.root', 'containerd.io/gc.roos'),
      /keep layer/,
    ],
    ['documents that it removes', () => replaced('gc.ref.content', 'gc.ref.kontent'), /holds|keep/],
    ['other layers', () => Buffer.from(digest(seed.toString('latin1')), 'latin1'), /./],
    ['links elsewhere', () => replaced('/var/lib/kubectl-preload/', '/var/lib/kubectl-preloae/'), /archive/],
    [
      'another owner',
      () => {
        const copy = Buffer.from(seed);
        copy.write('0000001', 108);
        return copy;
      },
      /archive/,
    ],
    ['more after its end', () => Buffer.concat([seed, Buffer.alloc(512)]), /after its end/],
    ['less', () => seed.subarray(0, -512), /archive/],
    ['nothing', () => Buffer.alloc(0), /has no/],
  ];
  for (const [what, forge, problem] of forgeries) {
    test(what, async () => assert.match((await problemOf(forge())) ?? '', problem));
  }

  test('its databases cannot lead it astray, whatever is in them', (t) => {
    const rounds = repetitions(20_000, 1000);
    let damaged = 0;
    for (const file of Object.values(DATABASE_FILES)) {
      const database = fileIn(seed, file);
      assert.ok(readBolt(database).entries.has('v1'));
      for (let round = 0; round < rounds; round++) {
        const copy = Buffer.from(database);
        for (let change = 0; change < 3; change++) {
          const at = Math.floor(Math.random() * copy.length);
          copy.writeUInt8(Math.floor(Math.random() * 256), at - (at % 4));
        }
        try {
          readBolt(copy);
        } catch (error) {
          assert.ok(error instanceof PreloadError, `${error}`);
          damaged += 1;
        }
      }
    }
    t.diagnostic(`${damaged} of ${2 * rounds} found damaged`);
    assert.ok(damaged > 0);
  });
});
