import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import type { VerificationResult } from '../../../src/model/verification.ts';
import { writeChecksums } from '../../../src/volume/checksums.ts';
import { digestLayer } from '../../../src/volume/layer-digest.ts';
import { verifyVolume } from '../../../src/volume/verify/verify-volume.ts';
import { run } from '../../cluster/run.ts';
import { runBundle } from '../../harness/run-bundle.ts';
import { type Damage, damages } from './damages.ts';
import { layerDamages } from './layer-damages.ts';
import { type SmallImage, writeSmallVolume } from './small-volume.ts';

const IMAGES: SmallImage[] = [
  { name: 'registry.test/shop/app:1', layers: ['base', 'runtime', 'app'] },
  { name: 'registry.test/shop/web:1', layers: ['base', 'web'] },
  { name: 'registry.test/odd:1', layers: ['to-be-hidden', 'odd', 'whiteouts'] },
  { name: 'registry.test/pause:3', layers: ['pause'], sandbox: true },
];

const folder = await mkdtemp(join(tmpdir(), 'preload-verify-'));
const sound = join(folder, 'sound');
const volume = join(folder, 'damaged');

before(async () => {
  await mkdir(sound);
  await writeSmallVolume(sound, IMAGES, { blobs: true });
  const sums = new Map<string, string>();
  for (const hex of await readdir(join(sound, 'layers'))) {
    sums.set(`sha256:${hex}`, (await digestLayer(sound, `sha256:${hex}`)).digest);
  }
  await writeChecksums(sound, sums, await readFile(join(sound, 'preload.json'), 'utf8'));
});
after(() => rm(folder, { recursive: true }));

const damaged = async (damage: Damage): Promise<void> => {
  await rm(volume, { recursive: true, force: true });
  await run(['cp', '-a', sound, volume]);
  await damage(volume);
};

const verify = (path: string) =>
  verifyVolume(
    path,
    (chainId) => digestLayer(path, chainId),
    () => {},
  );

test('a sound volume is found to be so, and all of it is read', async () => {
  const { problems, images, layers, blobs, bytes } = await verify(sound);
  assert.deepEqual(problems, []);
  assert.deepEqual([images, layers], [4, 8]);
  assert.equal(blobs, (await readdir(join(sound, 'blobs/sha256'))).length);
  assert.ok(bytes > 1024 ** 2, 'the sparse file alone has so many');
});

for (const [name, damage, , mode = 'auto'] of damages) {
  test(`what restore.sh refuses in mode ${mode}: ${name}`, async () => {
    await damaged(damage);
    assert.notDeepEqual((await verify(volume)).problems, []);
  });
}

for (const [name, damage, path] of layerDamages) {
  test(`what restore.sh does not look for: ${name}`, async () => {
    await damaged(damage);
    const { problems } = await verify(volume);
    assert.ok(
      problems.some((problem) => path.test(problem.path)),
      JSON.stringify(problems, null, 2),
    );
  });
}

/** What everything else is compared with, so a damage of these may show elsewhere first. */
const MEASURES = ['preload.json', 'verify/files', 'verify/layers'];

test('a bit flipped in any file is noticed, and where', async () => {
  for (let round = 0; round < 4; round++) {
    const expected = new Set<string>();
    await damaged(async () => {
      for (const path of shuffled(await filesOf(volume))) {
        const place = path.replace(/^(layers\/\w+\/fs)\/.*/, '$1');
        if (MEASURES.includes(path) || expected.has(place)) continue;
        await flipBit(path);
        expected.add(place);
      }
    });
    const found = (await verify(volume)).problems.map(({ path }) => path);
    assert.deepEqual(
      [...expected].filter((path) => !found.includes(path)),
      [],
    );
  }
});

for (const path of MEASURES) {
  test(`a bit flipped in ${path} is noticed`, async () => {
    for (let flip = 0; flip < 8; flip++) {
      await damaged(() => flipBit(path));
      assert.notDeepEqual((await verify(volume)).problems, []);
    }
  });
}

test('a damage of a layer names the images that have it, others none', async () => {
  const [, exchange = async () => {}] = layerDamages.find(([name]) => name === 'a file of a layer gone') ?? [];
  await damaged(exchange);
  const { problems } = await verify(volume);
  assert.deepEqual(
    problems.map(({ problem, images }) => [problem, images]),
    [['is not what was captured', ['registry.test/shop/app:1', 'registry.test/shop/web:1']]],
  );
});

test('the command says it with a table, the reason and its exit code', async () => {
  const well = await runBundle(['verify', '--volume', sound]);
  assert.equal(well.code, 0, well.stderr);
  assert.match(well.stdout, /^NAME +SOUND +IMAGES +LAYERS +BLOBS +CHECKED\n\S+ +True +4 +8 +\d+ +[\d.]+Mi\n$/);
  assert.match(well.stderr, /^ ✓ Verified 4 images, 8 layers, \d+ blobs, [\d.]+Mi in \ds$/m);

  await damaged((path) => rm(join(path, 'restore/names')));
  const { code, stdout, stderr } = await runBundle(['verify', '--volume', volume]);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^\S+ +False +4 +8 +\d+ +[\d.]+Mi\n\nPATH +PROBLEM +IMAGES\nrestore\/names +is missing +all\n$/m,
  );
  assert.match(stderr, /^error: \S+ is damaged: 1 problem found\nhint: let no node use it; create it again\n$/m);
});

test('the command says it as JSON', async () => {
  await damaged((path) => rm(join(path, 'restore/names')));
  const { code, stdout } = await runBundle(['verify', '--volume', volume, '-o', 'json']);
  assert.equal(code, 1);
  const { name, sound: isSound, images, problems }: VerificationResult = JSON.parse(stdout);
  assert.deepEqual([name, isSound, images], [volume, false, 4]);
  assert.deepEqual(problems, [{ path: 'restore/names', problem: 'is missing' }]);
});

test('what a volume says reaches no terminal unchanged', async () => {
  await damaged((path) => writeFile(join(path, '\u001b[31mred\nnew line'), ''));
  const { code, stdout } = await runBundle(['verify', '--volume', volume]);
  assert.equal(code, 1);
  assert.match(stdout, /^\?\[31mred\?new line +does not belong to the volume +all$/m);
});

for (const [what, path, message] of [
  ['no folder', '/nowhere', /^error: \/nowhere is not a folder$/m],
  ['an empty folder', join(folder, 'empty'), /^error: \S+ is damaged: 2 problems found$/m],
] as const) {
  test(`${what} is no sound volume`, async () => {
    await mkdir(join(folder, 'empty'), { recursive: true });
    const { code, stderr } = await runBundle(['verify', '--volume', path]);
    assert.equal(code, 1);
    assert.match(stderr, message);
  });
}

test('without the right to see all attributes it says so, instead of finding damages', async () => {
  const argv = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin', process.execPath];
  await assert.rejects(
    run([...argv, 'dist/kubectl-preload', 'verify', '--volume', sound]),
    /run as root, with CAP_SYS_ADMIN/,
  );
});

const filesOf = async (path: string): Promise<string[]> => {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return files.filter((_, index) => sizes[index]).map((file) => relative(path, file));
};

/** Of the damaged volume; keeps the times of the file, so that its content is all that differs. */
const flipBit = async (path: string): Promise<void> => {
  const file = join(volume, path);
  const data = await readFile(file);
  const position = Math.floor(Math.random() * data.length);
  data[position] = (data[position] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
  await run(['touch', '--reference', file, join(folder, 'times')]);
  await writeFile(file, data);
  await run(['touch', '--reference', join(folder, 'times'), file]);
};

const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
