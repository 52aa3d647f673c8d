import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { HOT_LIST } from '../../../src/volume/format.ts';
import { MAX_HOT_BYTES, MAX_HOT_FILES } from '../../../src/volume/hot-list.ts';
import { provide } from '../../cluster/components.ts';
import { run } from '../../cluster/machine/run.ts';
import { until } from '../../cluster/machine/until.ts';
import { containerdSource } from '../../cluster/node/config.ts';
import { type Outcome, type PrivateNode, startPrivateNode } from '../../harness/private-node.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { seed, seededRandom } from '../../harness/seeded-random.ts';
import { edited } from './edits.ts';
import { checksums, writeSmallVolume } from './small-volume.ts';

const SHELLS = ['dash', 'busybox sh', 'bash'];
const STATE = '/var/lib/kubectl-preload';
const LARGE = 5 * 1024 * 1024 + 7;

const folder = await mkdtemp(join(tmpdir(), 'preload-prewarm-'));
const volume = join(folder, 'volume');
const outside = join(folder, 'outside');
let node: PrivateNode;

await mkdir(volume);
const app = { name: 'registry.test/shop/app:1', layers: ['base', 'runtime', 'app'] };
const pause = { name: 'registry.test/pause:3', layers: ['pause'], sandbox: true };
const set = await writeSmallVolume(volume, [app, pause]);
const hex = (await readFile(join(volume, 'restore/names'), 'utf8')).match(/\w{64}$/m)?.[0] ?? '';

before(async () => {
  await mkdir(outside);
  await writeFile(join(outside, 'secret'), 'secret');
  await provide([containerdSource('1.6')], console.error);
  node = await startPrivateNode(join(folder, 'node'), '/usr/bin');
});
after(async () => {
  await node.stop();
  await rm(folder, { recursive: true });
});

const layer = (path = '') => join(volume, 'layers', hex, 'fs', path);
const line = (path: string, bytes = 4, of = hex) => `${of} ${bytes} ${path}\n`;

/** Writes files to the layer. */
const write = async (...paths: string[]): Promise<void> => {
  for (const path of paths) {
    await mkdir(dirname(layer(path)), { recursive: true });
    await writeFile(layer(path), path.endsWith('large') ? Buffer.alloc(LARGE, 1) : 'text');
  }
};

/** Writes restore/hot and its checksum, as an attacker with write access would. */
const list = async (text: string | Buffer): Promise<void> => {
  await writeFile(join(volume, HOT_LIST), text);
  await sign();
};

const sign = async (): Promise<void> => {
  const contents = JSON.parse(await readFile(join(volume, 'preload.json'), 'utf8'));
  const sums = { checksums: await checksums(volume) };
  await writeFile(join(volume, 'preload.json'), `${JSON.stringify({ ...contents, ...sums }, null, 2)}\n`);
};

const restoreIn = (shell: string, env: Record<string, string>, ...args: string[]): Promise<Outcome> => {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return node.run(['env', ...variables, ...shell.split(' '), join(volume, 'restore.sh'), ...args]);
};

/** Runs --prewarm-now as on a node that has linked the layers. */
const prewarm = async (shell: string, ...args: string[]): Promise<Outcome> => {
  await node.run(['sh', '-c', `mkdir -p ${STATE} && ln -sfn ${volume} ${STATE}/${set}`]);
  return restoreIn(shell, {}, ...(args.length > 0 ? args : ['--prewarm-now']));
};

/** Drops a file from the page cache. */
const forget = (path: string) => run(['dd', `if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
const cachedBytes = async (path: string) =>
  Number(await run(['fincore', '--raw', '--noheadings', '--bytes', '--output', 'RES', path]));

const result = async () => JSON.parse(await readNode('/run/kubectl-preload/prewarm.json'));
const readNode = async (path: string) => (await node.run(['cat', path])).stdout;

const ODD_NAMES = [
  'a b',
  ' first and last ',
  '-rf',
  'back\\slash',
  '$(touch ran)',
  "it's",
  '"',
  'grüße',
  '*',
  'a/b/c.d/..e',
];

for (const shell of SHELLS) {
  test(`${shell} reads the files on the list and no others`, async () => {
    await write('bin/large', 'other', ...ODD_NAMES);
    await list([line('bin/large', LARGE), ...ODD_NAMES.map((name) => line(name))].join(''));
    const listed = ['bin/large', ...ODD_NAMES];
    await run(['sync', '-f', volume]);
    for (const path of [...listed, 'other']) await forget(layer(path));
    for (const path of [...listed, 'other']) assert.equal(await cachedBytes(layer(path)), 0, `forgot ${path}`);
    const { code, stderr } = await prewarm(shell);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`prewarm: ${listed.length} files with 5120 KiB read, \\d+\\.\\d\\ds\n`));
    for (const path of ODD_NAMES) assert.ok((await cachedBytes(layer(path))) > 0, path);
    assert.ok((await cachedBytes(layer('bin/large'))) >= LARGE);
    assert.equal(await cachedBytes(layer('other')), 0);
    assert.equal((await result()).exitCode, 0);
  });

  test(`${shell} reads all files of all layers, none through links`, async () => {
    await write('bin/large', 'other', 'two\nlines', ...ODD_NAMES);
    await run(['ln', '-sfn', join(outside, 'secret'), layer('link')]);
    await run(['ln', '-sfn', outside, layer('folder')]);
    await list('');
    await run(['sync', '-f', folder]);
    for (const path of ['bin/large', 'other', ...ODD_NAMES]) await forget(layer(path));
    await forget(join(outside, 'secret'));
    const { code, stderr } = await prewarm(shell, '--prewarm-now=all');
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /skipped/);
    for (const path of ['other', ...ODD_NAMES]) assert.ok((await cachedBytes(layer(path))) > 0, path);
    assert.ok((await cachedBytes(layer('bin/large'))) >= LARGE);
    assert.equal(await cachedBytes(join(outside, 'secret')), 0);
  });

  test(`${shell} skips what is not a regular file of the layer`, async () => {
    await write('good', 'tools/good');
    await symlink(join(outside, 'secret'), layer('to-secret')).catch(() => {});
    await symlink(outside, layer('to-folder')).catch(() => {});
    await run(['sh', '-euc', 'cd "$0"; rm -f pipe device; mkfifo pipe; mknod device b 7 0', layer()]);
    await symlink('tools', layer('inside')).catch(() => {});
    const hostile = [
      'to-secret',
      'to-folder/secret',
      'inside/good',
      'pipe',
      'device',
      'tools',
      'missing',
      'good/below',
    ];
    await list([...hostile, 'good'].map((path) => line(path)).join(''));
    await forget(join(outside, 'secret'));
    const { code, stderr } = await prewarm(shell);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /prewarm: 1 files with 0 KiB read, 8 skipped, because they are missing or not regular files/);
    assert.equal(await cachedBytes(join(outside, 'secret')), 0);
  });

  test(`${shell} reads no more of a file than is listed`, async () => {
    await write('large', 'short/large');
    // more than the kernel itself reads ahead
    for (const path of ['large', 'short/large']) await run(['truncate', '--size', '64M', layer(path)]);
    await list(line('large', 4) + line('short/large', 1024 * 1024));
    await run(['sync', '-f', volume]);
    for (const path of ['large', 'short/large']) await forget(layer(path));
    assert.equal((await prewarm(shell)).code, 0);
    for (const path of ['large', 'short/large']) assert.ok((await cachedBytes(layer(path))) < 64 * 1024 * 1024, path);
  });
}

const INVALID: Record<string, string> = {
  'a path upwards': line('../../../secret'),
  'a path upwards in its middle': line('a/../../secret'),
  'a path that ends upwards': line('a/..'),
  'an absolute path': line('/etc/passwd'),
  'two slashes': line('a//b'),
  'a dot': line('./a'),
  'a folder': line('a/'),
  'no path': `${hex} 4 \n`,
  'an unknown layer': line('a', 4, 'f'.repeat(64)),
  'a layer that is a path': line('a', 4, '../../../..'),
  'no bytes': line('a', 0),
  'bytes that are a command': `${hex} $(id) a\n`,
  'too many bytes': line('a', MAX_HOT_BYTES) + line('b'),
  'a huge number of bytes': line('a', 1e15),
  'a control character': line('a\u001b[31m'),
  'a carriage return': line('a\r'),
  'a long path': line('a'.repeat(1001)),
  'an empty line': `\n${line('a')}`,
};

for (const [what, text] of Object.entries(INVALID)) {
  test(`refuses a list with ${what}, but only if it is asked to read it`, async () => {
    // the layer is known only when tests run
    await list(
      text
        .toString()
        .replaceAll('undefined', hex)
        .replace(/^a{64}(?= \$)/, hex),
    );
    for (const shell of SHELLS) {
      for (const flag of ['--prewarm', '--prewarm=all', '--prewarm-now']) {
        const { code, stderr } = await restoreIn(shell, {}, flag);
        assert.equal(code, 3, `${shell}: ${stderr}`);
        assert.match(stderr, /cannot use volume .*: restore\/hot, line \d+ is invalid/);
      }
      assert.equal((await restoreIn(shell, {}, '--check')).code, 1, 'images are missing');
    }
  });
}

test('refuses a list that is too long, or has another checksum', async () => {
  const lines = Array.from({ length: MAX_HOT_FILES + 1 }, (_, index) => line(`${index}`));
  await list(lines.join(''));
  for (const shell of SHELLS) assert.match((await prewarm(shell)).stderr, /restore\/hot, line 20001 is invalid/);
  await list(lines.slice(1).join(''));
  for (const shell of SHELLS) assert.match((await prewarm(shell)).stderr, /20000 skipped/);
  await list(line('x'.repeat(25_000_000)));
  assert.match((await prewarm('dash')).stderr, /restore\/hot is too large/);
  await writeFile(join(volume, HOT_LIST), line('other'));
  assert.match((await prewarm('dash')).stderr, /restore\/hot does not match its checksum/);
});

test(`no edit of the list leads out of a layer, or runs anything (SEED=${seed})`, async (t) => {
  const random = seededRandom(seed);
  await write('good', 'tools/good', 'a b');
  await run(['ln', '-sfn', outside, layer('to-folder')]);
  const honest = Buffer.from(line('good') + line('tools/good') + line('a b') + line('to-folder/secret', 6));
  const codes = new Map<number, number>();
  await forget(join(outside, 'secret'));
  for (let index = 0; index < repetitions(600, 60); index += 1) {
    const text = edited(honest, random).toString('latin1').replaceAll('RAN', join(folder, 'ran'));
    await list(Buffer.from(text, 'latin1'));
    const { code, stderr } = await prewarm(SHELLS[index % SHELLS.length] ?? 'sh');
    const what = `edit ${index}: ${code} ${stderr}`;
    assert.ok(code === 0 || code === 3, what);
    assert.doesNotMatch(stderr, /syntax error|: not found|[Ii]llegal number|bad number|unexpected operator/, what);
    await assert.rejects(access(join(folder, 'ran')), what);
    assert.equal(await cachedBytes(join(outside, 'secret')), 0, what);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  t.diagnostic([...codes].map(([code, count]) => `${code}: ${count}`).join(', '));
});

test('wrong values are usage errors', async () => {
  await list('');
  for (const flag of ['--prewarm=cold', '--prewarm-now=', '--prewarm=']) {
    const { code, stderr } = await restoreIn('dash', {}, flag);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /is not one of hot, all/);
  }
  for (const rate of ['0', '-1', 'x', '10000', '08']) {
    const { code, stderr } = await restoreIn('dash', { PRELOAD_PREWARM_RATE: rate }, '--prewarm');
    assert.equal(code, 2, stderr);
    assert.match(stderr, /PRELOAD_PREWARM_RATE: .* is not a number of MiB from 1 to 9999/);
  }
});

for (const shell of SHELLS) {
  test(`${shell}: after a restore it reads in the background, once, and no faster than allowed`, async () => {
    await write('large', 'more/large', 'small');
    await list(line('large', LARGE) + line('more/large', LARGE) + line('small'));
    await node.run(['rm', '-f', '/run/kubectl-preload/prewarm.json']);
    const slow = { PRELOAD_PREWARM_RATE: '1' };
    const began = Date.now();
    const { code, stderr } = await restoreIn(shell, slow, '--prewarm');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /prewarm: reading files ahead in the background; the result will be in /);
    // neither the output nor the lock of this run is held
    assert.equal((await restoreIn(shell, {})).code, 0);
    assert.doesNotMatch(await readNode('/run/kubectl-preload/prewarm.json'), /KiB read/);
    const second = await restoreIn(shell, slow, '--prewarm-now');
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, /prewarm: another run is reading already/);
    await until('the end of the reading', async () =>
      /KiB read/.test(await readNode('/run/kubectl-preload/prewarm.json')),
    );
    assert.ok(Date.now() - began >= 9000, '10 MiB at 1 MiB/s');
    assert.match((await result()).message, /^3 files with 10240 KiB read, /);
    assert.equal((await restoreIn(shell, {}, '--undo')).code, 0);
  });

  test(`${shell}: --undo ends the reading`, async () => {
    const files = Array.from({ length: 10 }, (_, index) => `${index}/large`);
    await write(...files);
    await list(files.map((path) => line(path, LARGE)).join(''));
    await node.run(['rm', '-f', '/run/kubectl-preload/prewarm.json']);
    assert.equal((await restoreIn(shell, { PRELOAD_PREWARM_RATE: '1' }, '--prewarm')).code, 0);
    assert.equal((await restoreIn(shell, {}, '--undo')).code, 0);
    await until('the end of the reading', async () =>
      /ended/.test(await readNode('/run/kubectl-preload/prewarm.json')),
    );
    assert.match((await result()).message, /ended because nothing is linked to the volume/);
  });
}

test('says why it reads nothing', async () => {
  await rm(join(volume, HOT_LIST));
  await sign();
  const { code, stderr } = await restoreIn('dash', {}, '--prewarm');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /prewarm: nothing to read, because no container used these images at the capture/);
  assert.equal((await restoreIn('dash', {}, '--undo')).code, 0);
});
