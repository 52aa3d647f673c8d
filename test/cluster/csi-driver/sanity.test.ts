import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { goBuild } from '../go-build.ts';
import { ensurePackages } from '../machine/apt.ts';
import { listens } from '../machine/probes.ts';
import { run } from '../machine/run.ts';
import { until } from '../machine/until.ts';

const scratch = await mkdtemp(join(tmpdir(), 'csi-sanity-'));
const poolFile = join(scratch, 'pool.xfs');
const pool = join(scratch, 'pool');
let driverBinary = '';
let sanityBinary = '';

const startDriver = (mode: string, socket: string): ChildProcess => {
  const volumes = join(pool, mode);
  const attach = mode === 'with-attach';
  const flags = ['--controller', '--node-id=node', `--pool=${volumes}`, `--socket=${socket}`, `--attach=${attach}`];
  return spawn(driverBinary, ['--name=sanity.preload.test', ...flags], { stdio: 'ignore' });
};

const stop = async (driver: ChildProcess): Promise<void> => {
  const exit = once(driver, 'exit');
  driver.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
};

/** The files below the scratch folder that loop devices hold. */
const loopDevices = async (): Promise<string[]> => {
  const files = await run(['losetup', '--noheadings', '--output', 'BACK-FILE', '--list']);
  return files.split('\n').filter((file) => file.startsWith(scratch));
};

const mountPoints = async (): Promise<string[]> => {
  const lines = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  return lines.map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(scratch));
};

before(async () => {
  await ensurePackages(['xfsprogs'], console.error);
  driverBinary = join(await goBuild('csi-driver', console.error), 'csi-driver');
  sanityBinary = join(await goBuild('csi-sidecars', console.error), 'csi-sanity');
  await mkdir(pool);
  await run(['truncate', '--size=20G', poolFile]);
  await run(['mkfs.xfs', '-q', '-m', 'reflink=1', poolFile]);
  await run(['mount', '-o', 'loop', poolFile, pool]);
});

after(async () => {
  await run(['umount', pool]);
  await until('the loop device of the pool is gone', async () => (await loopDevices()).length === 0);
  await rm(scratch, { recursive: true });
});

for (const mode of ['without-attach', 'with-attach']) {
  test(`csi-sanity passes ${mode}`, async (t) => {
    const socket = join(scratch, `${mode}.sock`);
    const driver = startDriver(mode, socket);
    t.after(() => stop(driver));
    await until('the driver listens', () => listens(socket));

    const mounts = ['mountdir', 'stagingdir'].map((name) => `--csi.${name}=${join(scratch, mode, name)}`);
    await mkdir(join(scratch, mode));
    const sanity = spawnSync(sanityBinary, [`--csi.endpoint=unix://${socket}`, '--ginkgo.no-color', ...mounts], {
      encoding: 'utf8',
    });

    assert.equal(sanity.status, 0, sanity.stdout);
    t.diagnostic(/\d+ Passed.*/.exec(sanity.stdout)?.[0] ?? 'no counts');
    assert.deepEqual(await loopDevices(), [poolFile]);
    assert.deepEqual(await mountPoints(), [pool]);
  });
}
