import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { run } from '../../cluster/machine/run.ts';
import { repetitions } from '../../harness/repetitions.ts';
import type { SystemdMachine } from '../../harness/systemd-machine.ts';
import { app, pause, shell, web } from '../restore/small-images.ts';
import { makeNode, mountUnit, reboot, sh } from './node.ts';
import { captureDisk } from './seeded-disk.ts';
import { assertUsable, emptyStore, pullOn } from './store-node.ts';

await ensurePackages(['xfsprogs'], console.error);
const folder = await mkdtemp(join(tmpdir(), 'preload-power-'));
const [pool, disk] = [join(folder, 'pool'), await captureDisk('disk', [shell, app, web, pause], '2')];
const mounts: string[] = [];
after(async () => {
  for (const mount of mounts.reverse()) await run(['umount', mount]);
  await rm(folder, { recursive: true });
});

const mount = async (image: string, target: string): Promise<void> => {
  await mkdir(target);
  await run(['mount', '-o', 'loop', image, target]);
  mounts.push(target);
};

const unmount = async (target: string): Promise<void> => {
  await run(['umount', target]);
  mounts.splice(mounts.indexOf(target), 1);
};

/** What a disk has at this moment: what is only in the memory of its filesystem is lost. */
const snapshot = (from: string, to: string) => run(['cp', '--reflink=always', join(pool, from), join(pool, to)]);

await run(['truncate', '--size', '4G', `${pool}.img`]);
await run(['mkfs.xfs', '-q', '-K', '-m', 'reflink=1', `${pool}.img`]);
await mount(`${pool}.img`, pool);
await run(['truncate', '--size', '2G', join(pool, 'first')]);
await run(['mkfs.ext4', '-q', join(pool, 'first')]);

/** Switches on a machine whose disk is this one, for as long as `body` takes. */
const onMachine = async <T>(name: string, body: (machine: SystemdMachine) => Promise<T>): Promise<T> => {
  const place = join(folder, name);
  await mount(join(pool, name), place);
  const machine = await makeNode('2', place);
  await reboot(machine, disk);
  try {
    return await body(machine);
  } finally {
    await machine.powerOff();
    await unmount(place);
    await rm(place, { recursive: true });
  }
};

await onMachine('first', async (machine) => {
  await machine.write('/etc/systemd/system/preload.mount', mountUnit(disk));
  await sh(machine, 'systemctl daemon-reload && systemctl enable --now preload.mount containerd');
  await emptyStore(machine);
  for (const image of [shell, pause]) await pullOn(machine, image);
  await sh(machine, 'sync');
});

let longest = 0;
for (let round = 0; round < repetitions(100, 6); round++) {
  test(`power fails while a restore runs, ${round}`, async (t) => {
    await snapshot('first', 'running');
    const moment = await onMachine('running', async (machine) => {
      const begin = Date.now();
      const ended = machine.run(['sh', '/preload/restore.sh']).then(() => {
        longest = Math.max(longest, Date.now() - begin);
      });
      if (longest === 0) await ended; // the first one runs to its end, and its power fails right then
      const wait = Math.random() * longest;
      if (round > 0) await sleep(wait);
      await snapshot('running', 'failed');
      await ended;
      return wait;
    });
    t.diagnostic(`after ${Math.round(moment)} of ${longest} ms`);
    await onMachine('failed', async (machine) => {
      await assertUsable(machine, [app, web, pause]);
      assert.match(await sh(machine, 'sh /preload/restore.sh 2>&1'), /4 of 4 images present for the kubelet/);
      await assertUsable(machine, [app, web, pause]);
    });
  });
}
