import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { VerificationResult } from '../../src/model/verification.ts';
import { writeChecksums } from '../../src/volume/checksums.ts';
import { digestLayer } from '../../src/volume/layer-digest.ts';
import { poolFolder } from '../cluster/machine/disk.ts';
import { run } from '../cluster/machine/run.ts';
import { type Cluster, readCluster, STATE } from '../cluster/state.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';
import {
  becomes,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  preload,
  said,
  startPreload,
  status,
} from './support/commands.ts';
import { machineState, objectsOf } from './support/leftovers.ts';

const NAMESPACE = 'verifying';
const IMAGES = ['shop/web:1.4', 'whiteouts:1', 'index:1', 'docker:1', 'data/report:7'];

let disk: string;
let snapshotId: string;
let objects: string[];
let machine: Set<string>;

before(async () => {
  await createNamespace(NAMESPACE);
  await createPreload(NAMESPACE, 'checked', IMAGES.map(sample));
  snapshotId = (await status(NAMESPACE, 'checked')).snapshotId ?? '';
  disk = join(poolFolder(((await readCluster(STATE)) as Cluster).folder), `${snapshotId}.img`);
  await run(['cp', '--reflink=always', disk, `${disk}.intact`]);
  objects = await objectsOf(NAMESPACE);
  machine = await machineState();
});

afterEach(async () => {
  await run(['cp', '--reflink=always', `${disk}.intact`, disk]);
  await becomes(objects, () => objectsOf(NAMESPACE));
  await becomes([], async () => [...(await machineState()).difference(machine)]);
});

after(async () => {
  await deleteNamespaces(NAMESPACE);
  await rm(`${disk}.intact`, { force: true });
});

const verify = (...flags: string[]) => preload(['verify', 'checked', '-n', NAMESPACE, ...flags]);

/** Changes what is in the snapshot, as a failing disk or somebody with access to the storage would. */
const damage = async (change: (volume: string) => Promise<unknown>): Promise<void> => {
  const volume = await mkdtemp(join(tmpdir(), 'preload-snapshot-'));
  await run(['mount', '-o', 'loop', disk, volume]);
  await change(volume).finally(() => run(['umount', volume]));
  await rmdir(volume);
};

test('an intact preload is valid, and is read completely', async () => {
  const { code, stdout, stderr } = await verify();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^NAME +VALID +IMAGES +LAYERS +BLOBS +CHECKED\nchecked +True +6 +\d+ +\d+ +\d+Mi\n$/);
  assert.match(stderr, new RegExp(`^ ✓ Clone of ${snapshotId} mounted on worker$`, 'm'));
  assert.match(stderr, /^ ✓ Verified 6 images, \d+ layers, \d+ blobs, \d+Mi in \d+s$/m);
  assert.match(
    stderr,
    /^ ✓ Removed pod\/preload-checked-verify, persistentvolumeclaim\/preload-checked-verify, configmap\/preload-checked-verify$/m,
  );
});

test('the result as JSON has what programs need', async () => {
  const { code, stdout } = await verify('-o', 'json');
  assert.equal(code, 0);
  const result: VerificationResult = JSON.parse(stdout);
  assert.deepEqual(
    [result.name, result.namespace, result.snapshotId, result.valid, result.problems],
    ['checked', NAMESPACE, snapshotId, true, []],
  );
  assert.match(result.set ?? '', /^[0-9a-f]{12}$/);
});

test('damaged contents and metadata are detected, with the images that they affect', async () => {
  await damage(async (volume) => {
    const script = `
      cd layers/*/fs/odd/..
      setcap -r odd/capable
      cd ../../..
      truncate -s -1 restore/images.tar
      cd $(dirname layers/*/fs/data/replaced/new)
      setfattr -x trusted.overlay.opaque .`;
    await run(['sh', '-euc', script], { cwd: volume });
  });
  const { code, stdout, stderr } = await verify();
  assert.equal(code, 1);
  assert.match(stdout, /^checked +False +6 /m);
  assert.match(stdout, /^restore\/images\.tar +differs from what was captured +all$/m);
  const layers = stdout.match(
    new RegExp(`^layers/\\w{12}/fs +differs from what was captured +${sample('whiteouts:1')}$`, 'gm'),
  );
  assert.equal(layers?.length, 2, stdout);
  assert.match(stderr, /^ ✗ Verifying .*: 3 problems$/m);
  const last = `error: checked is damaged: 3 problems found\nhint: do not attach ${snapshotId} to any node; run create again\n`;
  assert.ok(stderr.endsWith(last), stderr);
});

test('a change that matches all checksums on the volume is detected by the record in the cluster', async () => {
  await damage(async (volume) => {
    await run(['sh', '-euc', 'cd layers/*/fs/odd; echo other >setuid'], { cwd: volume });
    const sums = new Map<string, string>();
    for (const hex of await readdir(join(volume, 'layers'))) {
      sums.set(`sha256:${hex}`, (await digestLayer(volume, `sha256:${hex}`)).digest);
    }
    await writeChecksums(volume, sums, await readFile(join(volume, 'preload.json'), 'utf8'));
  });
  const { code, stdout } = await verify('-o', 'json');
  assert.equal(code, 1);
  const [problem, ...others] = (JSON.parse(stdout) as VerificationResult).problems;
  assert.deepEqual([problem?.path, others], ['verify/files', []]);
  assert.match(problem?.problem ?? '', /^does not match configmap\/preloaded-checked: /);
});

test('damage that a later preload inherits from its base is detected there', async () => {
  await damage((volume) => run(['sh', '-euc', 'cd layers/*/fs/odd; chmod u-s setuid'], { cwd: volume }));
  await createPreload(NAMESPACE, 'later', ['--base', 'checked', ...IMAGES.map(sample)]);
  const { code, stdout } = await preload(['verify', 'later', '-n', NAMESPACE, '-o', 'json']);
  await kubectl(['delete', 'volumesnapshot', '-n', NAMESPACE, 'later']);
  assert.equal(code, 1);
  const { problems } = JSON.parse(stdout) as VerificationResult;
  assert.deepEqual(
    problems.map(({ problem, images }) => [problem, images]),
    [['differs from what was captured', [sample('whiteouts:1')]]],
  );
});

test('a filesystem that cannot be mounted is reported', async () => {
  await writeFile(disk, Buffer.alloc(1 << 20), { flag: 'r+' });
  const { code, stdout, stderr } = await verify();
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^error: cannot mount the volume: MountVolume\./m);
});

for (const [signal, code, step] of [
  ['SIGINT', 130, 'Verifying'],
  ['SIGTERM', 143, 'Cloning'],
] as const) {
  test(`${signal} while ${step.toLowerCase()} ends with ${code}`, async () => {
    const child = startPreload(['verify', 'checked', '-n', NAMESPACE]);
    const ended = outcome(child);
    await said(child.stderr, ` ${step}`);
    child.kill(signal);
    const { code: exit, stdout, stderr } = await ended;
    assert.deepEqual([exit, stdout], [code, ''], stderr);
    assert.match(stderr, new RegExp(`^ ✗ ${step}.*: interrupted$`, 'm'));
    assert.doesNotMatch(stderr, /error:/);
  });
}

test('a second verify reports that one is already running, and does not disturb it', async () => {
  const first = startPreload(['verify', 'checked', '-n', NAMESPACE]);
  const ended = outcome(first);
  await said(first.stderr, ' Verifying');
  first.kill('SIGSTOP'); // so that its pod stays
  const { code, stderr } = await verify();
  first.kill('SIGCONT');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: \S+\/preload-checked-verify already exists: preload "checked" is still being verified, or/m,
  );
  assert.equal((await status(NAMESPACE, 'checked')).phase, 'Ready');
  assert.equal((await ended).code, 0);
});
