import assert from 'node:assert/strict';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../cluster/machine/run.ts';
import { until } from '../../cluster/machine/until.ts';
import { CONTAINERD_VERSIONS } from '../../cluster/node/config.ts';
import { outcome, type PrivateNode } from '../../harness/private-node.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { seed, seededRandom } from '../../harness/seeded-random.ts';
import {
  criNames,
  emptyStore,
  lines,
  newVolume,
  onNode,
  pinned,
  restore,
  result,
  rootFilesystem,
  type SmallVolume,
  STATE,
  store,
  targets,
} from './restored-node.ts';
import { app, deep, odd, pause, web } from './small-images.ts';
import { pullSmallImage } from './small-volume.ts';

const volume = await newVolume('volume', [app, web, odd, pause], { blobs: true });
const names = (await readFile(join(volume.path, 'restore/names'), 'utf8')).match(/^\S+/gm)?.sort();
const deepVolume = await newVolume('deep', deep, { blobs: true });

const KILLS = repetitions(11, 2); // in a row
const ROUNDS = repetitions(8);

/** Restores, and waits until background work has ended. */
type Restore = (node: PrivateNode, from: SmallVolume) => Promise<void>;

const restoreWith =
  (...args: string[]): Restore =>
  async (node, from) => {
    const { code, stderr } = await restore(node, from, ...args);
    assert.equal(code, 0, stderr);
  };

const settle: Restore = async (node, from) => {
  await restoreWith('--settle')(node, from);
  await until('the end of the copying', async () => (await result(node)).mode === 'copy');
  assert.equal((await result(node)).exitCode, 0, (await result(node)).message);
};

const MODES: Record<string, { restore: Restore; linked: boolean }> = {
  link: { restore: restoreWith('--mode', 'link'), linked: true },
  copy: { restore: restoreWith('--mode', 'copy'), linked: false },
  settle: { restore: settle, linked: false },
  import: { restore: restoreWith('--mode', 'import'), linked: false },
};

/** PIDs of the runs of restore.sh that have a folder on the node, each the first of its process group. */
const runs = async (node: PrivateNode): Promise<number[]> => {
  const { stdout } = await node.run(['find', '/run/kubectl-preload', '-name', '[0-9]*', '-printf', '%f\\n', '-prune']);
  return lines(stdout).map(Number);
};

/** Whether the process was still running. */
const kill = (pid: number): boolean => {
  try {
    return process.kill(-pid, 'SIGKILL');
  } catch {
    return false;
  }
};

for (const version of CONTAINERD_VERSIONS) {
  for (const [mode, { restore: restoreSo, linked }] of Object.entries(MODES)) {
    onNode(version, `${mode} has the same result as a pull, whatever the store has`, async (node, files) => {
      await pullSmallImage(node, files, odd, '--namespace', 'plain');
      const pulled = await rootFilesystem(node, odd, 'plain');
      const stores = { empty: [], 'pause only': [pause], half: [pause, web] };
      for (const [what, images] of Object.entries(stores)) {
        for (const image of images) await pullSmallImage(node, files, image);
        await restoreSo(node, volume);
        assert.equal((await targets(node)).length > 0, linked, what);
        assert.equal(await pinned(node), 4, what);
        assert.deepEqual(await criNames(node), names, what);
        assert.equal(await rootFilesystem(node, odd), pulled, what);
        if (what === 'half') break;
        assert.equal((await restore(node, volume, '--undo')).code, 0);
        await emptyStore(node);
      }
      const before = await store(node);
      await restoreSo(node, volume);
      assert.deepEqual(await store(node), before, 'a rerun changes nothing');
    });
  }

  onNode(version, 'copied and imported images do not need the volume', async (node, files) => {
    for (const mode of ['copy', 'import']) {
      const mounted = { ...volume, path: join(files, mode) };
      await run(['cp', '-a', volume.path, mounted.path]);
      await restoreWith('--mode', mode, '--register-blobs')(node, mounted);
      await rename(mounted.path, `${mounted.path}-away`);
      assert.equal((await restore(node, { path: `${STATE}/record/${volume.set}` }, '--check')).code, 0);
      await node.ctr('images', 'rm', '--sync', app.name);
      await pullSmallImage(node, files, app);
      await emptyStore(node);
    }
  });

  onNode(version, `copying and importing continue after kills at any moment (SEED=${seed})`, async (node) => {
    const random = seededRandom(seed);
    for (const mode of ['copy', 'import']) {
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const child = node.start(['sh', join(deepVolume.path, 'restore.sh'), '--mode', mode]);
        const ended = outcome(child);
        await sleep((1600 * random() * kill) / KILLS); // later each time: the first leave much to do
        if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGKILL');
        await ended;
      }
      await restoreWith('--mode', mode)(node, deepVolume);
      assert.equal((await targets(node)).length, 0);
      assert.doesNotMatch(await node.ctr('snapshots', 'ls'), /preload-/);
      assert.deepEqual(await runs(node), []);
      await emptyStore(node);
    }
  });

  onNode(
    version,
    `all images stay present however often the background copy is killed (SEED=${seed})`,
    async (node) => {
      const random = seededRandom(seed);
      let killed = 0;
      for (let round = 0; round < ROUNDS || (killed === 0 && round < 8); round += 1) {
        await restoreWith('--settle')(node, deepVolume);
        const begins = async () => (await runs(node)).length > 0 || (await result(node)).mode === 'copy'; // or has ended
        await until('the copy to begin', begins);
        await sleep(600 * random());
        killed += (await runs(node)).filter(kill).length;
        assert.equal((await restore(node, deepVolume, '--check')).code, 0);
        if ((await targets(node)).length === 0) await emptyStore(node);
      }
      assert.ok(killed >= ROUNDS / 2, `only ${killed} were killed`);
      await settle(node, deepVolume);
      assert.equal((await targets(node)).length, 0);
      assert.deepEqual(await runs(node), []);
    },
  );
}
