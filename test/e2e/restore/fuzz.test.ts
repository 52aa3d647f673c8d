import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { provide } from '../../cluster/components.ts';
import { containerdSource } from '../../cluster/node/config.ts';
import { type PrivateNode, startPrivateNode } from '../../harness/private-node.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { seed, seededRandom } from '../../harness/seeded-random.ts';
import { EDITS, edited, hostileField } from './edits.ts';
import { makeRecordingCtr, type RecordingCtr } from './recording-ctr.ts';
import { app, pause, web } from './small-images.ts';
import { checksums, setOf, writeSmallVolume } from './small-volume.ts';

const COUNT = repetitions(3000, 300);
const SHELLS = ['dash', 'busybox sh'];
const LISTS = ['restore/layers', 'restore/names', 'restore/blobs'];
const OTHERS = ['preload.json', 'preload.json', 'preload.json', 'restore/images.tar'];

const folder = await mkdtemp(join(tmpdir(), 'preload-fuzz-'));
const volume = join(folder, 'volume');
let node: PrivateNode;
let ctr: RecordingCtr;
let honest: Map<string, Buffer>;
/** of the words of honest runs */
const shapes = new Set<string>();

before(async () => {
  for (const path of [volume, join(folder, 'ctr')]) await mkdir(path);
  await writeSmallVolume(volume, [app, web, pause], { blobs: true });
  const blobs = (await readdir(join(volume, 'blobs/sha256'))).map((hex) => `blobs/sha256/${hex}`);
  honest = new Map();
  for (const path of [...LISTS, 'preload.json', 'restore/images.tar', ...blobs])
    honest.set(path, await readFile(join(volume, path)));
  await provide([containerdSource('1.6')], console.error);
  node = await startPrivateNode(join(folder, 'node'), '/usr/bin');
  ctr = await makeRecordingCtr(join(folder, 'ctr'), text('restore/names'));
  for (const shell of SHELLS)
    for (const mode of ['link', 'import']) {
      const { code, stderr } = await restore(shell, mode);
      if (mode === 'link') assert.equal(code, 0, stderr);
      for (const word of await ctr.words()) shapes.add(shapeOf(word));
    }
  assert.ok(shapes.has('images') && shapes.has('KEY') && shapes.has('name=="NAME",target.digest=="DIGEST"'));
});
after(async () => {
  await node.stop();
  await rm(folder, { recursive: true });
});

const text = (path: string): string => honest.get(path)?.toString('latin1') ?? '';

/** Runs restore.sh on an empty node. */
const restore = async (shell: string, mode: string) => {
  const root = `/proc/${node.pid}/root`;
  for (const path of ['/var/lib/kubectl-preload', '/run/kubectl-preload'])
    await rm(join(root, path), { recursive: true, force: true });
  await ctr.reset();
  return node.run([...shell.split(' '), join(volume, 'restore.sh'), '--ctr', ctr.path, '--mode', mode, '--wait', '1']);
};

/** A word without what differs between volumes: image names, which cannot be options, digests, and folders of a run. */
const shapeOf = (word: string): string => {
  const shape = word
    .replace(/^preload-(probe-\d+-)?[0-9a-f]{64}$/, 'KEY')
    .replace(/sha256:[0-9a-f]{64}/g, 'DIGEST')
    .replace(/(kubectl-preload\/set"?!?==?)[0-9a-f]{12}/g, '$1SET')
    .replace(/^\/run\/kubectl-preload\/\d+\//, 'TMP/')
    .replace(/^name=="[A-Za-z0-9[][A-Za-z0-9._:/@+\]-]{0,511}"/, 'name=="NAME"');
  return /^[A-Za-z0-9[][A-Za-z0-9._:/@+\]-]*[/:@][A-Za-z0-9._:/@+-]*$/.test(shape) ? 'NAME' : shape;
};

/** Changes a file, or replaces it by another, and the checksums as an attacker with write access would; says what it did. */
const damage = async (random: () => number, forge: boolean, mode: string): Promise<string[]> => {
  const paths = forge ? LISTS : [...LISTS, ...OTHERS, ...(mode === 'import' ? ['blobs/', 'blobs/'] : [])];
  const kind = paths[Math.floor(random() * paths.length)] ?? '';
  const candidates = [...honest.keys()].filter((path) => path.startsWith(kind));
  const path = candidates[Math.floor(random() * candidates.length)] ?? '';
  const other = [...honest.values()][Math.floor(random() * honest.size)] ?? Buffer.alloc(0);
  const edits = [...EDITS, () => other, ...(path === 'preload.json' ? Array(5).fill(hostileField) : [])];
  const before = honest.get(path) ?? Buffer.alloc(0);
  const after = edited(before, random, edits);
  await writeFile(join(volume, path), after.toString('latin1').replaceAll('RAN', join(folder, 'ran')), 'latin1');
  if (!forge) return [path];
  const sums = { set: await setOf(volume), checksums: await checksums(volume) };
  const contents = `${JSON.stringify({ ...JSON.parse(text('preload.json')), ...sums }, null, 2)}\n`;
  await writeFile(join(volume, 'preload.json'), contents);
  return [path, 'preload.json'];
};

const columns = (list: string, count: number): string[] =>
  list
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ').slice(0, count).join(' '));

/** Asserts that the lists hold only what the honest ones do, or exactly that. */
const assertHonest = async (forged: boolean): Promise<void> => {
  for (const path of LISTS) {
    const now = await readFile(join(volume, path), 'latin1');
    if (!forged) assert.equal(now, text(path), path);
  }
  for (const [path, count] of [
    ['restore/layers', 3],
    ['restore/names', 2],
  ] as const) {
    const known = new Set(columns(text(path), count));
    for (const line of columns(await readFile(join(volume, path), 'latin1'), count)) assert.ok(known.has(line), line);
  }
};

test(`no edit of a volume gets a word of its own into a call, or restores other images (SEED=${seed})`, async (t) => {
  const random = seededRandom(seed);
  const codes = new Map<string, number>();
  for (let index = 0; index < COUNT; index += 1) {
    const forge = index % 2 === 0;
    const shell = SHELLS[Math.floor(index / 2) % 2] ?? 'sh';
    const mode = ['auto', 'auto', 'link', 'import'][Math.floor(random() * 4)] ?? 'auto';
    const paths = await damage(random, forge, mode);
    const { code, stderr } = await restore(shell, mode);
    const what = `edit ${index} of ${paths[0]}, ${shell}, ${mode}: ${code} ${stderr}`;
    for (const word of await ctr.words())
      assert.ok(shapes.has(shapeOf(word)), `${JSON.stringify(word)} in a call: ${what}`);
    await assert.rejects(access(join(folder, 'ran')), what);
    assert.ok([0, 1, 3, 4].includes(code ?? -1), what);
    assert.doesNotMatch(stderr, /syntax error|: not found|[Ii]llegal number|bad number|unexpected operator/, what);
    if (code === 0) await assertHonest(forge);
    if (code === 3)
      assert.deepEqual(
        (await ctr.words()).filter((word) => /prepare|import|label|rm/.test(word)),
        [],
        what,
      );
    const key = `${forge ? 'forged' : 'damaged'} ${code}`;
    codes.set(key, (codes.get(key) ?? 0) + 1);
    for (const path of paths) await writeFile(join(volume, path), honest.get(path) ?? '');
  }
  t.diagnostic([...codes].map(([key, count]) => `${key}: ${count}`).join(', '));
});
