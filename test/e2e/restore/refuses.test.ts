import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { digestOf } from '../../../src/model/oci.ts';
import { provide } from '../../cluster/components.ts';
import { run } from '../../cluster/machine/run.ts';
import { containerdSource } from '../../cluster/node/config.ts';
import { type PrivateNode, startPrivateNode } from '../../harness/private-node.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { seed, seededRandom } from '../../harness/seeded-random.ts';
import { damages, edit, replaceByLink } from './damages.ts';
import { writeSmallVolume } from './small-volume.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-refuses-'));
const intact = join(folder, 'intact');
let node: PrivateNode;

before(async () => {
  await mkdir(intact);
  const images = [
    { name: 'registry.test/shop/app:1', layers: ['base', 'runtime', 'app'] },
    { name: 'registry.test/shop/web:1', layers: ['base', 'web'] },
    { name: 'registry.test/pause:3', layers: ['pause'], sandbox: true },
  ];
  await writeSmallVolume(intact, images, { blobs: true });
  await provide([containerdSource('1.6')], console.error);
  node = await startPrivateNode(join(folder, 'node'), '/usr/bin');
});
after(async () => {
  await node.stop();
  await rm(folder, { recursive: true });
});

const copyOfVolume = async (): Promise<string> => {
  const volume = join(folder, 'damaged');
  await rm(volume, { recursive: true, force: true });
  await run(['cp', '-a', intact, volume]);
  return volume;
};

const refused = async (volume: string, mode: string, reason: RegExp): Promise<void> => {
  const { code, stderr } = await node.run(['env', '-C', volume, 'sh', './restore.sh', '--mode', mode]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, reason);
  assert.doesNotMatch(stderr, /\$/);
  await untouched(volume);
};

for (const [name, damage, reason, mode = 'auto'] of damages) {
  test(`refuses a volume with ${name} and changes nothing`, async () => {
    const volume = await copyOfVolume();
    await damage(volume);
    await refused(volume, mode, reason);
  });
}

test(`detects any flipped bit in the files that restore.sh reads (SEED=${seed})`, async () => {
  const random = seededRandom(seed);
  for (const path of ['restore/layers', 'restore/names', 'restore/blobs', 'restore/images.tar']) {
    for (let flip = 0; flip < repetitions(6); flip++) {
      const volume = await copyOfVolume();
      const data = await readFile(join(volume, path));
      const position = Math.floor(random() * data.length);
      data[position] = (data[position] ?? 0) ^ (1 << Math.floor(random() * 8));
      await writeFile(join(volume, path), data);
      await refused(volume, 'auto', new RegExp(`${path} does not match its checksum`));
    }
  }
});

for (const [args, code, reason, action = 'restore'] of [
  [['--mode', 'move'], 2, /--mode move is not one of auto, store, link, copy, import/],
  [['--settle', '--mode', 'import'], 2, /--settle cannot be used with --mode import/],
  [['--wipe'], 2, /unknown option --wipe/],
  [['--wait'], 2, /--wait needs a value/],
  [['--wait', '08'], 2, /--wait 08 is not a number of seconds/],
  [['--expect', `sha256:${'A'.repeat(64)}`], 2, /--expect needs sha256: and 64 lower-case hexadecimal digits/],
  [['--expect', 'a'.repeat(64)], 2, /--expect needs sha256: and/],
  [['--expect', `sha256:${'a'.repeat(63)}`], 2, /--expect needs sha256: and/],
  [['--expect'], 2, /--expect needs a value/],
  [['--ctr', '/nowhere/ctr'], 4, /--ctr \/nowhere\/ctr: command not found/],
  [
    ['--address', '/run/nowhere.sock', '--wait', '1'],
    4,
    /no containerd answered at \/run\/nowhere.sock within 1 s; check that it is running, raise --wait, or specify its socket with --address/,
  ],
  [['--install'], 4, /intact is not where a disk is mounted; run the restore.sh of a mounted disk/, 'install'],
  [['--install', '--address', '/run/k3s/any.sock'], 4, /one unit starts both containerd and the kubelet/, 'install'],
  [['--install', '--ctr', 'ctr %h'], 2, /--install does not support such characters/, 'install'],
  [
    ['--before-containerd'],
    4,
    /containerd has started already; once containerd runs, run restore/,
    'before_containerd',
  ],
] as const) {
  test(`restore.sh ${args.join(' ')} exits with ${code} and changes nothing`, async () => {
    const { code: found, stderr } = await node.run(['sh', join(intact, 'restore.sh'), ...args]);
    assert.equal(found, code, stderr);
    assert.match(stderr, reason);
    await untouched(intact);
    const { exitCode, message } = JSON.parse((await node.run(['cat', `/run/kubectl-preload/${action}.json`])).stdout);
    assert.equal(exitCode, code);
    assert.match(message, reason);
  });
}

for (const shell of ['dash', 'busybox ash']) {
  const call = (volume: string, ...args: string[]) =>
    node.run([...shell.split(' '), join(volume, 'restore.sh'), ...args]);

  test(`${shell} refuses a volume whose preload.json is not the expected one, before it uses anything in it`, async () => {
    const expected = digestOf(await readFile(join(intact, 'preload.json')));
    assert.equal((await call(intact, '--expect', expected, '--check')).code, 1, 'all images are missing');
    const volume = await copyOfVolume();
    for (const change of ['"format": 12', '"platform": "linux/mips64", "format": 1']) {
      await edit('preload.json', (text) => text.replace(/"format": 12?/, change))(volume);
      for (const args of [[], ['--check'], ['--undo'], ['--mode', 'import']]) {
        const { code, stderr } = await call(volume, '--expect', expected, ...args);
        assert.equal(code, 3, stderr);
        assert.match(
          stderr,
          new RegExp(`preload.json has the digest sha256:[0-9a-f]{64}, not the expected ${expected}`),
        );
        await untouched(volume);
      }
    }
  });

  test(`${shell} refuses blobs that are links before it links layers, with --register-blobs`, async () => {
    const volume = await copyOfVolume();
    await replaceByLink((folder) => join(folder, 'blobs/sha256'))(volume);
    const { code, stderr } = await call(volume, '--mode', 'link', '--register-blobs');
    assert.equal(code, 3, stderr);
    assert.match(stderr, /blobs\/ is a symbolic link/);
    await untouched(volume);
  });
}

for (const shell of ['dash', 'bash', 'busybox ash']) {
  for (const stderr of ['2>&-', '2>/dev/full']) {
    test(`${shell} refuses, waits and helps as usual if it cannot write its messages: ${stderr}`, async () => {
      const volume = await copyOfVolume();
      await rm(join(volume, 'preload.json'));
      const call = (path: string, rest: string) => node.run(['sh', '-c', `${shell} ${path}/restore.sh ${rest}`]);
      assert.equal((await call(volume, stderr)).code, 3);
      await untouched(volume);
      assert.doesNotMatch((await call(intact, '--help >/dev/full')).stderr, /preload:/);
      await untouched(intact);

      const hold = `flock /run/kubectl-preload/lock timeout 2 ${shell} ${intact}/restore.sh ${stderr}`;
      assert.equal((await node.run(['sh', '-c', hold])).code, 124, 'waits for the lock');
      await untouched(intact);
    });
  }
}

test('restore.sh --mode copy refuses a node that cannot mount overlayfs', async () => {
  const script = `mount --bind /bin/false "$(command -v mount)"; exec sh ${intact}/restore.sh --mode copy`;
  const { code, stderr } = await node.run(['unshare', '--mount', 'sh', '-c', script]);
  assert.equal(code, 4, stderr);
  assert.match(stderr, /cannot copy: cannot mount overlayfs on this node/);
  await untouched(intact);
});

test('reports an image with a damaged blob instead of importing it', async () => {
  const volume = await copyOfVolume();
  const blobs = (await readFile(join(volume, 'restore/blobs'), 'utf8')).trim().split('\n');
  const blob = blobs.at(-1)?.split(' ')[1]?.slice('sha256:'.length) ?? '';
  await appendFile(join(volume, 'blobs/sha256', blob), 'x');
  const { code, stderr } = await node.run(['sh', join(volume, 'restore.sh'), '--mode', 'import']);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /import: 2 of 3 images with their layers/);
  assert.match(stderr, /missing registry.test\/pause:3: some of its layers are missing/);
  assert.match(stderr, /2 of 3 images present/);
});

const untouched = async (volume: string) => {
  assert.equal(await node.ctr('images', 'ls', '-q'), '');
  assert.doesNotMatch(await node.ctr('snapshots', 'ls'), /sha256|preload/);
  const left = await node.run(['sh', '-c', `ls -d /var/lib/kubectl-preload /run/kubectl-preload/[0-9]* ${volume}/ran`]);
  assert.equal(left.stdout, '');
};
