import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { requested } from '../../harness/capture-request.ts';
import { differences } from '../../harness/differences.ts';
import { type Ended, startByHand } from '../../harness/loader-process.ts';
import { type LoopVolume, mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { describeVolume } from '../../harness/sealed-volume.ts';
import { startCaptureNode } from './capture-node.ts';
import { honestImage } from './honest-image.ts';
import { startTableRegistry } from './table-registry.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-foreign-'));
const registry = await startTableRegistry();
registry.serve('sample/honest', honestImage());
const honest = `${registry.address}/sample/honest:1`;
let node: PrivateNode;
let volume: LoopVolume;

/** Exports by hand on the node, as root. */
const exportTo = async (path: string, image = honest, ...flags: string[]): Promise<Ended> => {
  const request = { images: [requested(image)] };
  return (await startByHand(node, folder, path, request, ...flags)).ended;
};

const refuses = async (path: string, reason: RegExp): Promise<void> => {
  const { code, stderr } = await exportTo(path);
  assert.equal(code, 1, stderr);
  assert.match(stderr, reason);
};

before(async () => {
  node = await startCaptureNode(join(folder, 'root'), honest);
});

after(async () => {
  for (const { stop } of [node, registry]) await stop();
  await rm(folder, { recursive: true });
});

describe('a folder that is not a mount point', () => {
  const path = join(folder, 'plain-folder');

  beforeEach(async () => {
    await rm(path, { recursive: true, force: true });
    await mkdir(path);
  });

  test('is refused, even if it is empty', async () => {
    await refuses(path, new RegExp(`^error: no volume is mounted at ${path}\nhint: .*--force`, 'm'));
    assert.deepEqual(await readdir(path), []);
  });

  test('is refused with files in it', async () => {
    await writeFile(join(path, 'precious'), 'mine');
    await refuses(path, /^error: no volume is mounted at /m);
    assert.equal(await readFile(join(path, 'precious'), 'utf8'), 'mine');
  });

  test('is used with --force', async () => {
    await writeFile(join(path, 'precious'), 'mine');
    const { code, stderr } = await exportTo(path, honest, '--force');
    assert.equal(code, 0, stderr);
    assert.ok((await readdir(path)).includes('preload.json'));
    assert.ok(!(await readdir(path)).includes('precious'));
  });

  test('is refused with --force if it is the root', async () => {
    // with a ctr that is not there: if this check were gone, the machine would still be safe
    const tools = { ctrPath: '/nonexistent/ctr', ctrFlags: '', containerdPath: 'containerd' };
    const { code, stderr } = await (await startByHand(node, folder, '/', { tools }, '--force')).ended;
    assert.equal(code, 1);
    assert.match(stderr, /^error: \/ is a root filesystem\nhint: .*--to$/m);
  });
});

test('a shared filesystem is refused, and stays as it is', async (t) => {
  await ensurePackages(['bindfs'], console.error);
  const [files, path] = [join(folder, 'files'), join(folder, 'shared')];
  for (const each of [files, path]) await mkdir(each);
  assert.equal((await node.run(['bindfs', files, path])).code, 0);
  t.after(() => node.run(['umount', path]));
  const hint = 'use --storage-class with a class of block volumes';
  await refuses(
    path,
    new RegExp(`^error: the volume has fuse\\S*, a shared filesystem, which cannot hold layers\nhint: ${hint}$`, 'm'),
  );
  assert.deepEqual(await readdir(files), []);
});

describe('a volume', () => {
  beforeEach(async () => {
    volume = await mountNewVolume(node, folder, 'volume', 256);
  });

  const unmount = async () => {
    await volume.remove();
  };

  test('with other files is refused, and used with --force', async (t) => {
    t.after(unmount);
    await mkdir(join(volume.seen, 'pgdata'));
    await writeFile(join(volume.seen, 'pgdata/base'), 'rows');
    const reason = new RegExp(
      `^error: ${volume.path} holds files that kubectl preload did not write: pgdata\nhint: `,
      'm',
    );
    await refuses(volume.path, reason);
    assert.equal(await readFile(join(volume.seen, 'pgdata/base'), 'utf8'), 'rows');
    assert.deepEqual((await readdir(volume.seen)).sort(), ['lost+found', 'pgdata']);
    const { code, stderr } = await exportTo(volume.path, honest, '--force');
    assert.equal(code, 0, stderr);
    assert.ok(!(await readdir(volume.seen)).includes('pgdata'));
  });

  test('can be specified by a link or with a trailing slash', async (t) => {
    t.after(unmount);
    const link = join(folder, 'link');
    await symlink(volume.path, link);
    for (const path of [`${volume.path}/`, link, `${link}/`]) {
      const { code, stderr } = await exportTo(path);
      assert.equal(code, 0, stderr);
    }
    await rm(link);
    const { code, stdout } = await node.run(['findmnt', '--noheadings', '--output', 'FS-OPTIONS', volume.path]);
    assert.match(stdout, /^ro\b/, `sealed, ${code}`);
  });

  test('that is sealed is unchanged if the next capture cannot start', async (t) => {
    t.after(unmount);
    const first = await exportTo(volume.path);
    assert.equal(first.code, 0, first.stderr);
    const sealed = await describeVolume(volume.seen);

    const unknown = await exportTo(volume.path, `${registry.address}/sample/unknown:1`);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /does not have sample\/unknown/);
    assert.deepEqual(differences(await describeVolume(volume.seen), sealed), []);

    const ballast = join(volume.path, 'lost+found/ballast');
    await node.run(['fallocate', '--length', '200MiB', ballast]);
    const small = await exportTo(volume.path);
    assert.equal(small.code, 1);
    assert.match(
      small.stderr,
      /^error: the volume is too small for these images; the largest are .*honest:1 \(\S+\)\n/m,
    );
    assert.deepEqual(differences(await describeVolume(volume.seen), sealed), []);
  });
});
