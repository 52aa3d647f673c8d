import assert from 'node:assert/strict';
import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTAINERD_VERSIONS } from '../../cluster/node/config.ts';
import { outcome } from '../../harness/private-node.ts';
import { randomMoments } from '../../harness/random-moments.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { seed, seededRandom } from '../../harness/seeded-random.ts';
import {
  guardOf,
  labelled,
  newVolume,
  onNode as onNodeOf,
  pinned,
  restore,
  result,
  STATE,
  store,
  targets,
} from './restored-node.ts';
import { app, deep, pause, web } from './small-images.ts';
import { pullSmallImage, type SmallImage } from './small-volume.ts';

const newer: SmallImage = { name: 'registry.test/shop/app:2', layers: ['base', 'runtime', 'app2'] };
const onBase: SmallImage = { name: 'registry.test/shop/late:1', layers: ['base', 'late'] };

const volume = await newVolume('volume', [app, web, pause]);
const newerVolume = await newVolume('newer', [newer, web, pause]);
const deepVolume = await newVolume('deep', deep);

for (const version of CONTAINERD_VERSIONS) {
  const onNode = onNodeOf.bind(undefined, version);

  onNode('links all layers into an empty store, changes nothing on a rerun, and undoes everything', async (node) => {
    const first = await restore(node, volume);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, '');
    assert.match(
      first.stderr,
      /link: 5 of 5 layers.*import: 3 images \(6 names\).*3 of 3 images present for the kubelet/s,
    );
    assert.deepEqual(await targets(node), Array(4).fill(volume.set), 'all but the pause image are links');
    assert.equal(await pinned(node), 3);
    assert.match(
      (await node.run(['cat', guardOf(volume)])).stdout,
      new RegExp(`^RequiresMountsFor=${volume.path}$`, 'm'),
    );

    const before = await store(node);
    const again = await restore(node, volume);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /3 images and 5 layers already here/);
    assert.equal((await restore(node, volume, '--check')).code, 0);
    assert.deepEqual(await store(node), before);

    const undone = await restore(node, volume, '--undo');
    assert.equal(undone.code, 0, undone.stderr);
    assert.match((await result(node, 'undo')).message, /^\d+ linked layers removed in /);
    assert.deepEqual(await targets(node), []);
    assert.equal((await labelled(node, 'kubectl-preload/set')).length, 0);
    assert.equal((await node.run(['ls', STATE, guardOf(volume)])).stdout, '');
    assert.equal((await restore(node, volume, '--check')).code, 1);
    assert.equal((await restore(node, volume, '--undo')).code, 0);
  });

  onNode(
    'adds to a store that has some images, and replaces a different image with the same name',
    async (node, files) => {
      await pullSmallImage(node, files, web);
      await pullSmallImage(node, files, { ...app, layers: ['other'] });
      const { code, stderr } = await restore(node, volume);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /1 images and 2 layers already here/);
      assert.match(stderr, /replacing registry.test\/shop\/app:1, which was a different image here/);
      assert.deepEqual(await targets(node), Array(2).fill(volume.set), "the node's own layers stay as they are");
    },
  );

  onNode('allows pulls again after --undo without the volume', async (node, files) => {
    const mounted = join(files, 'mounted');
    await cp(volume.path, mounted, { recursive: true });
    assert.equal((await restore(node, { path: mounted })).code, 0);
    await rename(mounted, join(files, 'away'));
    const record = `${STATE}/record/${volume.set}`;
    const check = await restore(node, { path: record }, '--check');
    assert.equal(check.code, 1);
    assert.match(check.stderr, /missing registry.test\/shop\/app:1: some of its layers are missing/);
    assert.match(check.stderr, /1 of 3 images present/);
    await assert.rejects(pullSmallImage(node, files, onBase), /failed to stat parent|no such file/);
    const undone = await restore(node, { path: record }, '--undo');
    assert.equal(undone.code, 0, undone.stderr);
    for (const image of [onBase, app]) await pullSmallImage(node, files, image);
  });

  onNode('does not remove layers that a container or another image uses', async (node, files) => {
    assert.equal((await restore(node, volume)).code, 0);
    await node.ctr('containers', 'create', app.name, 'container-1');
    await pullSmallImage(node, files, onBase);
    await pullSmallImage(node, files, { ...web, name: 'registry.test/same-layers:1' });
    const refused = await restore(node, volume, '--undo');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /4 linked layers are still in use by .*container-1/);
    assert.equal((await node.ctr('images', 'ls', '-q', `name==${app.name}`)).trim(), app.name);
    await node.ctr('containers', 'rm', 'container-1');
    assert.equal((await restore(node, volume, '--undo')).code, 1);
    assert.doesNotMatch(await node.ctr('images', 'ls', '-q'), /shop\/app/);
    assert.equal((await targets(node)).length, 2, 'base and web');
    for (const name of [onBase.name, 'registry.test/same-layers:1']) await node.removeImage(name);
    const undone = await restore(node, volume, '--undo');
    assert.equal(undone.code, 0, undone.stderr);
    assert.match((await result(node, 'undo')).message, /^\d+ linked layers removed in /);
    assert.deepEqual(await targets(node), []);
  });

  onNode('takes over from an older set, which can then be undone', async (node) => {
    assert.equal((await restore(node, volume)).code, 0);
    const { code, stderr } = await restore(node, newerVolume);
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      await labelled(node, 'io.cri-containerd.pinned==pinned'),
      await labelled(node, `kubectl-preload/set==${newerVolume.set}`),
    );
    assert.equal((await restore(node, newerVolume, '--undo')).code, 0);
    assert.equal((await restore(node, volume, '--check')).code, 0, 'the older set is complete again');
    assert.equal((await restore(node, newerVolume)).code, 0);
    assert.equal((await restore(node, volume, '--undo')).code, 0);
    assert.deepEqual(new Set(await targets(node)), new Set([newerVolume.set]));
    assert.equal((await restore(node, newerVolume, '--check')).code, 0);
  });

  onNode(`continues after a kill at any moment (SEED=${seed})`, async (node) => {
    for (const [kill, delay] of randomMoments(repetitions(11, 2), 60, 1500, seededRandom(seed)).entries()) {
      const child = node.start(['sh', join(deepVolume.path, 'restore.sh')]);
      const ended = outcome(child);
      await sleep(delay);
      // the shell with its workers, or only the shell, whose workers run on for a moment
      if (child.exitCode === null && child.pid) process.kill(kill % 2 === 0 ? child.pid : -child.pid, 'SIGKILL');
      const { code, stderr } = await restore(node, deepVolume);
      assert.equal(code, 0, `killed after ${delay} ms: ${stderr}`);
      await ended;
      assert.equal((await targets(node)).length, 39);
      assert.doesNotMatch(await node.ctr('snapshots', 'ls'), /preload-/);
      assert.equal((await restore(node, deepVolume, '--undo')).code, 0);
    }
  });

  onNode(`restores all images after --undo was killed at any moment (SEED=${seed})`, async (node) => {
    for (const delay of randomMoments(repetitions(11, 2), 300, 1500, seededRandom(seed))) {
      assert.equal((await restore(node, deepVolume)).code, 0);
      const child = node.start(['sh', join(deepVolume.path, 'restore.sh'), '--undo']);
      const ended = outcome(child);
      await sleep(delay);
      if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGKILL');
      await ended;
      const { code, stderr } = await restore(node, deepVolume);
      assert.equal(code, 0, `killed after ${delay} ms: ${stderr}`);
      assert.equal((await targets(node)).length, 39, 'garbage collection takes no layer');
      assert.equal((await restore(node, deepVolume, '--check')).code, 0);
    }
  });

  onNode('runs once at a time, in every shell', async (node) => {
    const shells = [['dash'], ['busybox', 'ash'], ['bash']];
    const runs = await Promise.all(shells.map((shell) => node.run([...shell, join(deepVolume.path, 'restore.sh')])));
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
    assert.equal(runs.filter(({ stderr }) => /another restore.sh is running/.test(stderr)).length, 2);
    const quiet = await restore(node, deepVolume, '--quiet', '--no-pin');
    assert.deepEqual(quiet, { code: 0, stdout: '', stderr: '' });
    assert.deepEqual(await labelled(node, 'io.cri-containerd.pinned'), []);
  });

  onNode('removes and reports an image whose layers it cannot link', async (node, files) => {
    const ctr = join(files, 'ctr');
    const layers = await readFile(join(volume.path, 'restore/layers'), 'utf8');
    const top = layers
      .split('\n')
      .find((line) => line.split(' ')[2] === '3')
      ?.split(' ')[0];
    await writeFile(
      ctr,
      `#!/bin/sh\ncase "$*" in *"commit ${top}"*) echo 'ctr: no space left' >&2; exit 1 ;; esac\nexec ctr "$@"\n`,
      { mode: 0o755 },
    );
    const { code, stderr } = await restore(node, volume, '--ctr', ctr);
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /no space left.*missing registry.test\/shop\/app:1: some of its layers are missing.*2 of 3 images present/s,
    );
    assert.doesNotMatch(await node.ctr('images', 'ls', '-q'), /shop\/app/);
  });
}
