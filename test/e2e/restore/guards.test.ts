import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../cluster/machine/run.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { guardOf, newVolume, onNode, restore, restoreIn, SHELLS, STATE, targets } from './restored-node.ts';
import { app, pause, web } from './small-images.ts';
import { pullSmallImage, type SmallImage } from './small-volume.ts';

const newer: SmallImage = { name: 'registry.test/shop/app:2', layers: ['base', 'runtime', 'app2'] };

const volume = await newVolume('volume', [app, web, pause]);
const newerVolume = await newVolume('newer', [newer, web, pause]);

const OLD_GUARD = '/etc/systemd/system/containerd.service.d/kubectl-preload.conf'; // of version 0.1

/** As systemd does: it starts containerd, which node.run kept down, only if all guards let it. */
const SYSTEMCTL = `
echo "$*" >>systemctl.log
case "$*" in
  'is-active containerd.service') ctr version >/dev/null 2>&1 && echo active || { echo failed; exit 3; } ;;
  is-active*) echo inactive; exit 3 ;;
  is-enabled*) exit 1 ;;
  start*containerd.service)
    for file in /etc/systemd/system/containerd.service.d/*.conf; do
      [ ! -e "$file" ] || eval "$(sed -n 's/^ExecStartPre=//p' "$file")" 2>>journal || exit 1
    done
    kill -CONT "$(cat boot)" ;;
esac
`;

/** The node boots again, and its systemd tries to start containerd. */
const reboot = async (node: PrivateNode, files: string): Promise<string> => {
  const down = `cd ${files}; pid=$(cat /run/containerd.pid); sed -n 's/^PPid:.//p' /proc/$pid/status >boot
    kill -STOP "$(cat boot)"; kill -9 "$pid"; sh ${files}/systemctl start containerd.service`;
  await node.run(['sh', '-c', down]);
  return readFile(join(files, 'journal'), 'utf8');
};

/** A test on a node with that systemctl. */
const withSystemctl =
  (body: (node: PrivateNode, files: string) => Promise<void>) =>
  async (node: PrivateNode, files: string): Promise<void> => {
    await writeFile(join(files, 'systemctl'), `#!/bin/sh\ncd ${files}\n${SYSTEMCTL}`, { mode: 0o755 });
    await writeFile(join(files, 'journal'), '');
    await node.run(['sh', '-c', `mount --bind ${files}/systemctl "$(command -v systemctl)"`]);
    await body(node, files).finally(() => node.run(['sh', '-c', `kill -CONT "$(cat ${files}/boot)"`]));
  };

const exists = async (node: PrivateNode, path: string): Promise<boolean> =>
  (await node.run(['test', '-e', path])).code === 0;

for (const shell of SHELLS) {
  onNode(
    '2',
    `${shell} starts a containerd that waits for a lost disk, and undoes`,
    withSystemctl(async (node, files) => {
      const mounted = { ...volume, path: join(files, 'mounted') };
      await run(['cp', '-a', volume.path, mounted.path]);
      assert.equal((await restoreIn(shell, node, mounted)).code, 0);
      assert.equal(await reboot(node, files), '');
      assert.equal((await restore(node, mounted, '--check')).code, 0, 'containerd starts with the disk');

      await rename(mounted.path, join(files, 'lost'));
      const remedy = `sh ${STATE}/record/${volume.set}/restore.sh --undo`;
      assert.match(await reboot(node, files), new RegExp(`needs the volume at ${mounted.path}; .*: ${remedy}\n`));
      const stuck = await restoreIn(shell, node, newerVolume, ['--wait', '1']);
      assert.equal(stuck.code, 4, stuck.stderr);
      assert.match(stuck.stderr, new RegExp(`without the volume of set ${volume.set}: .*: ${remedy}\n`));
      const record = { path: dirname(remedy.split(' ')[1] ?? '') };
      assert.equal((await restoreIn(shell, node, record, ['--check', '--wait', '1'])).code, 4);
      assert.ok(await exists(node, guardOf(volume)), 'only --undo lifts the guard');

      const undone = await restoreIn(shell, node, record, ['--undo']);
      assert.equal(undone.code, 0, undone.stderr);
      assert.match(undone.stderr, /starting containerd.service, which waited for the volume/);
      assert.deepEqual(await targets(node), []);
      assert.equal((await node.run(['ls', STATE, guardOf(volume)])).stdout, '');
      await pullSmallImage(node, files, app);
      assert.doesNotMatch(await readFile(join(files, 'systemctl.log'), 'utf8'), /stop|k3s/);
    }),
  );

  onNode('1.7', `${shell} keeps a guard for each set`, async (node) => {
    for (const each of [volume, newerVolume]) assert.equal((await restoreIn(shell, node, each)).code, 0);
    for (const each of [volume, newerVolume]) {
      assert.match(
        (await node.run(['cat', guardOf(each)])).stdout,
        new RegExp(`^RequiresMountsFor=${each.path}$`, 'm'),
      );
    }
    assert.equal((await restoreIn(shell, node, newerVolume, ['--undo'])).code, 0);
    assert.ok(await exists(node, guardOf(volume)));
    assert.ok(!(await exists(node, guardOf(newerVolume))));
  });

  onNode('1.7', `${shell} replaces and removes the guard of version 0.1 of the same set`, async (node) => {
    const writeOld = () =>
      node.run([
        'sh',
        '-c',
        `mkdir -p "\${1%/*}"; echo "test ${STATE}/${volume.set}/preload.json" >"$1"`,
        'sh',
        OLD_GUARD,
      ]);
    await writeOld();
    assert.equal((await restoreIn(shell, node, newerVolume)).code, 0);
    assert.ok(await exists(node, OLD_GUARD), 'of another set');
    assert.equal((await restoreIn(shell, node, newerVolume, ['--undo'])).code, 0);
    assert.ok(await exists(node, OLD_GUARD), 'of another set');
    assert.equal((await restoreIn(shell, node, volume)).code, 0);
    assert.ok(!(await exists(node, OLD_GUARD)));
    assert.ok(await exists(node, guardOf(volume)));
    await writeOld();
    assert.equal((await restoreIn(shell, node, volume, ['--undo'])).code, 0);
    for (const guard of [OLD_GUARD, guardOf(volume)]) assert.ok(!(await exists(node, guard)), guard);
  });

  onNode('2', `${shell} guards a node whose units cannot be changed until its next boot`, async (node) => {
    const units = '/etc/systemd/system';
    const seal = `mkdir -p ${units}; mount --bind ${units} ${units}; mount -o remount,bind,ro ${units}`;
    const sealed = await node.run(['sh', '-euc', seal]);
    assert.equal(sealed.code, 0, sealed.stderr);
    const { code, stderr } = await restoreIn(shell, node, volume);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /cannot write to \/etc\/systemd\/system, so containerd waits .* until the next boot: run restore/,
    );
    assert.doesNotMatch(stderr, /Read-only/i);
    const guard = guardOf(volume).replace(/^\/etc/, '/run');
    assert.match((await node.run(['cat', guard])).stdout, new RegExp(`^RequiresMountsFor=${volume.path}$`, 'm'));
    assert.equal((await restoreIn(shell, node, volume, ['--undo'])).code, 0);
    assert.ok(!(await exists(node, guard)));
  });
}
