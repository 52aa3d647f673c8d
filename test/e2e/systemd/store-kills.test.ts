import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../cluster/machine/until.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { app, pause, shell, web } from '../restore/small-images.ts';
import { installSteps, steps, stopAt, stopped } from './kill-points.ts';
import { mountUnit, reboot, sh, state } from './node.ts';
import { newNode } from './own-node.ts';
import { captureDisk } from './seeded-disk.ts';
import { assertUsable, emptyStore, leftOfSwap, pullOn } from './store-node.ts';

const disk = await captureDisk('disk', [shell, app, web, pause], '2');
const machine = await newNode('machine', '2');
await machine.write('/etc/systemd/system/preload.mount', mountUnit(disk));
await machine.powerOn(disk);
await sh(machine, 'systemctl enable --now preload.mount containerd');
await installSteps(machine);
await machine.write(
  '/root/kill.sh',
  // in an order in which none goes on because another one is dead already
  `for kind in '*/restore.sh*' '*/swap.sh*' '*/usr/local/sbin/*' 'sleep 1000 '; do
    for process in /proc/[0-9]*; do
      case $(tr '\\0' ' ' <$process/cmdline) in $kind) kill -9 \${process#/proc/} ;; esac
    done
  done
  rm -f /run/steps /run/stopped
`,
);

const WAYS = {
  'power fails': () => reboot(machine, disk),
  'all of it is killed': async () => {
    await sh(machine, 'sh /root/kill.sh');
    await until('containerd', async () => (await state(machine, 'containerd')) === 'active');
  },
};

const start = async (): Promise<void> => {
  await emptyStore(machine);
  for (const image of [shell, pause]) await pullOn(machine, image);
};

/** All calls of a restore that nothing stops. */
const calls = await (async () => {
  await start();
  await stopAt(machine, 1000);
  const log = await sh(machine, 'sh /preload/restore.sh 2>&1');
  assert.match(log, /mode store: /);
  return steps(machine);
})();
const inSwap = calls.map((call) => /kubectl-preload\/(new|aside)\/io\.containerd|kubectl-preload\/aside\/$/.test(call));
const chosen = [...calls.keys()].filter(
  (index) => inSwap[index] || Math.random() * calls.length < repetitions(1000, 6),
);

for (const index of chosen) {
  for (const [way, end] of Object.entries(WAYS)) {
    test(`${way} before call ${index + 1}: ${calls[index]}`, async () => {
      await start();
      await stopAt(machine, index + 1);
      const ended = machine.run(['sh', '/preload/restore.sh']);
      assert.ok(await stopped(machine, ended));
      await end();
      await assertUsable(machine, [app, web, pause]);
      const log = await sh(machine, 'sh /preload/restore.sh 2>&1');
      assert.match(log, /4 of 4 images present for the kubelet/);
      await assertUsable(machine, [app, web, pause]);
      assert.equal(await leftOfSwap(machine), '');
    });
  }
}

test('half of what a restore leaves to remove is not used', async () => {
  await start();
  const last = calls.findLastIndex((call) => /^rm -rf \/var\/lib\/containerd\/kubectl-preload$/.test(call));
  await stopAt(machine, last + 1);
  assert.ok(await stopped(machine, machine.run(['sh', '/preload/restore.sh'])));
  await WAYS['all of it is killed']();
  await sh(machine, 'cd /var/lib/containerd/kubectl-preload && rm -r aside answered && systemctl restart containerd');
  await assertUsable(machine, [app, web, pause]);
  assert.match(await sh(machine, 'sh /preload/restore.sh 2>&1'), /every layer is already here/);
  await assertUsable(machine, [app, web, pause]);
});
