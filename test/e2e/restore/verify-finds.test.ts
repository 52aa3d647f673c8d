import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import type { VerificationResult } from '../../../src/model/verification.ts';
import { writeChecksums } from '../../../src/volume/checksums.ts';
import { digestLayer } from '../../../src/volume/layer-digest.ts';
import { verifyVolume } from '../../../src/volume/verify/verify-volume.ts';
import { run } from '../../cluster/machine/run.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { runBundle } from '../../harness/run-bundle.ts';
import { type Damage, damages } from './damages.ts';
import { layerDamages } from './layer-damages.ts';
import { checksums, type SmallImage, writeSmallVolume } from './small-volume.ts';

const IMAGES: SmallImage[] = [
  { name: 'registry.test/shop/app:1', layers: ['base', 'runtime', 'app'] },
  { name: 'registry.test/shop/web:1', layers: ['base', 'web'] },
  { name: 'registry.test/odd:1', layers: ['to-be-hidden', 'odd', 'whiteouts'] },
  { name: 'registry.test/pause:3', layers: ['pause'], sandbox: true },
];

const folder = await mkdtemp(join(tmpdir(), 'preload-verify-'));
const intact = join(folder, 'intact');
const volume = join(folder, 'damaged');
const sums = new Map<string, string>();

before(async () => {
  await mkdir(intact);
  await writeSmallVolume(intact, IMAGES, { blobs: true });
  for (const hex of await readdir(join(intact, 'layers'))) {
    sums.set(`sha256:${hex}`, (await digestLayer(intact, `sha256:${hex}`)).digest);
  }
  await writeChecksums(intact, sums, await readFile(join(intact, 'preload.json'), 'utf8'));
});
after(() => rm(folder, { recursive: true }));

const damaged = async (damage: Damage): Promise<void> => {
  await rm(volume, { recursive: true, force: true });
  await run(['cp', '-a', intact, volume]);
  await damage(volume);
};

const verify = (path: string) =>
  verifyVolume(
    path,
    (chainId) => digestLayer(path, chainId),
    () => {},
  );

test('finds no problems on an intact volume, and reads all of it', async () => {
  const { problems, images, layers, blobs, bytes } = await verify(intact);
  assert.deepEqual(problems, []);
  assert.deepEqual([images, layers], [4, 8]);
  assert.equal(blobs, (await readdir(join(intact, 'blobs/sha256'))).length);
  assert.ok(bytes > 1024 ** 2, 'the sparse file has that many');
});

for (const [name, damage, , mode = 'auto'] of damages) {
  test(`detects what restore.sh refuses in mode ${mode}: ${name}`, async () => {
    await damaged(damage);
    assert.notDeepEqual((await verify(volume)).problems, []);
  });
}

for (const [name, damage, path] of layerDamages) {
  test(`detects what restore.sh does not check: ${name}`, async () => {
    await damaged(damage);
    const { problems } = await verify(volume);
    assert.ok(
      problems.some((problem) => path.test(problem.path)),
      JSON.stringify(problems, null, 2),
    );
  });
}

/** Everything else is compared with these, so damage to them may be reported for other files. */
const MEASURES = ['preload.json', 'verify/files', 'verify/layers'];

test('detects a flipped bit in any file, and reports the file', async () => {
  for (let round = 0; round < repetitions(4); round++) {
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
  test(`detects a flipped bit in ${path}`, async () => {
    for (let flip = 0; flip < repetitions(8, 2); flip++) {
      await damaged(() => flipBit(path));
      assert.notDeepEqual((await verify(volume)).problems, []);
    }
  });
}

/** Adds a list of hot files with right checksums. */
const withHotList = (text: (hex: string) => string) =>
  damaged(async () => {
    const [hex = ''] = await foldersWith('base');
    await writeFile(join(volume, 'restore/hot'), text(hex));
    const contents = JSON.parse(await readFile(join(volume, 'preload.json'), 'utf8'));
    const signed = `${JSON.stringify({ ...contents, checksums: await checksums(volume) }, null, 2)}\n`;
    await writeFile(join(volume, 'preload.json'), signed);
    await writeChecksums(volume, sums, signed);
  });

/** Layers that have this file. */
const foldersWith = async (file: string): Promise<string[]> => {
  const found: string[] = [];
  for (const hex of await readdir(join(volume, 'layers')))
    if ((await readdir(join(volume, 'layers', hex, 'fs'))).includes(file)) found.push(hex);
  return found;
};

test('a list of hot files is valid if it names files of layers', async () => {
  await withHotList((hex) => `${hex} 4 base\n`);
  assert.deepEqual((await verify(volume)).problems, []);
});

for (const [what, text, problem] of [
  ['a file that is missing', (hex) => `${hex} 4 base\n${hex} 4 missing\n`, 'line 2 does not match the layers'],
  ['another size', (hex) => `${hex} 5 base\n`, 'line 1 does not match the layers'],
  ['an unknown layer', () => `${'f'.repeat(64)} 4 base\n`, 'line 1 does not match the layers'],
  ['a path out of its layer', (hex) => `${hex} 4 ../../../preload.json\n`, 'is invalid'],
  ['no lines', () => '\n', 'is invalid'],
] as const satisfies [string, (hex: string) => string, string][]) {
  test(`detects a list of hot files with ${what}`, async () => {
    await withHotList(text);
    assert.deepEqual((await verify(volume)).problems, [{ path: 'restore/hot', problem }]);
  });
}

test('detects a list of hot files that leads through a link', async () => {
  await withHotList((hex) => `${hex} 4 link/base\n`);
  const [hex = ''] = await foldersWith('base');
  await symlink('.', join(volume, 'layers', hex, 'fs/link'));
  const { problems } = await verify(volume);
  assert.ok(problems.some(({ path, problem }) => path === 'restore/hot' && /line 1/.test(problem)));
});

test('detects a list of hot files without a checksum', async () => {
  await withHotList((hex) => `${hex} 4 base\n`);
  const text = await readFile(join(volume, 'preload.json'), 'utf8');
  const without = text.replace(/\n.*"restore\/hot".*/, '');
  assert.notEqual(without, text);
  await writeFile(join(volume, 'preload.json'), without);
  await writeChecksums(volume, sums, without);
  assert.deepEqual((await verify(volume)).problems, [
    { path: 'restore/hot', problem: 'does not match its checksum in preload.json' },
  ]);
});

test('reports the images that use a damaged layer', async () => {
  const [, exchange = async () => {}] = layerDamages.find(([name]) => name === 'a file missing from a layer') ?? [];
  await damaged(exchange);
  const { problems } = await verify(volume);
  assert.deepEqual(
    problems.map(({ problem, images }) => [problem, images]),
    [['differs from what was captured', ['registry.test/shop/app:1', 'registry.test/shop/web:1']]],
  );
});

test('the command prints a table, the reason and a hint, and exits with 1', async () => {
  const well = await runBundle(['verify', '--volume', intact]);
  assert.equal(well.code, 0, well.stderr);
  assert.match(well.stdout, /^NAME +VALID +IMAGES +LAYERS +BLOBS +CHECKED\n\S+ +True +4 +8 +\d+ +[\d.]+Mi\n$/);
  assert.match(well.stderr, /^ ✓ Verified 4 images, 8 layers, \d+ blobs, [\d.]+Mi in \ds$/m);

  await damaged((path) => rm(join(path, 'restore/names')));
  const { code, stdout, stderr } = await runBundle(['verify', '--volume', volume]);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^\S+ +False +4 +8 +\d+ +[\d.]+Mi\n\nPATH +PROBLEM +IMAGES\nrestore\/names +is missing +all\n$/m,
  );
  assert.match(
    stderr,
    /^error: \S+ is damaged: 1 problem found\nhint: do not attach it to any node; run create again\n$/m,
  );
});

test('the command prints JSON', async () => {
  await damaged((path) => rm(join(path, 'restore/names')));
  const { code, stdout } = await runBundle(['verify', '--volume', volume, '-o', 'json']);
  assert.equal(code, 1);
  const { name, valid, images, problems }: VerificationResult = JSON.parse(stdout);
  assert.deepEqual([name, valid, images], [volume, false, 4]);
  assert.deepEqual(problems, [{ path: 'restore/names', problem: 'is missing' }]);
});

test('the table has no control characters from the volume', async () => {
  await damaged((path) => writeFile(join(path, '\u001b[31mred\nnew line'), ''));
  const { code, stdout } = await runBundle(['verify', '--volume', volume]);
  assert.equal(code, 1);
  assert.match(stdout, /^\?\[31mred\?new line +unexpected file +all$/m);
});

for (const [what, path, message] of [
  ['a missing folder', '/nowhere', /^error: \/nowhere is not a folder$/m],
  ['an empty folder', join(folder, 'empty'), /^error: \S+ is damaged: 2 problems found$/m],
] as const) {
  test(`rejects ${what}`, async () => {
    await mkdir(join(folder, 'empty'), { recursive: true });
    const { code, stderr } = await runBundle(['verify', '--volume', path]);
    assert.equal(code, 1);
    assert.match(stderr, message);
  });
}

test('fails without the capability to read all attributes, instead of reporting damage', async () => {
  const argv = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin', process.execPath];
  await assert.rejects(
    run([...argv, 'dist/kubectl-preload', 'verify', '--volume', intact]),
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
