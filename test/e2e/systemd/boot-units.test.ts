import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../cluster/machine/until.ts';
import { app, pause, web } from '../restore/small-images.ts';
import {
  assertReady,
  CONTAINERD_CONFIG,
  installContainerd,
  journal,
  property,
  reboot,
  sh,
  state,
  USUAL_CONTAINERD,
  WITHOUT_OVERLAYFS,
} from './node.ts';
import { newDisk, newNode } from './own-node.ts';

const disk = await newDisk('disk', [app, web, pause]);
const newer = await newDisk('newer', [{ ...app, layers: ['base', 'other'] }, pause], disk.uuid);
const service = `kubectl-preload-${disk.set}.service`;
const machine = await newNode('machine', '1.7');

const MOUNT = `mkdir -p /preload && mount -o ro UUID=${disk.uuid} /preload`;
const UNITS = 'find /etc/systemd/system -name "*preload*" | sort';
const CHECK = 'sh /preload/restore.sh --check';

/** Asserts that systemd gave up to start the kubelet, and why. */
const assertDown = async (containerd: string): Promise<void> => {
  assert.equal(await state(machine, 'kubelet'), 'inactive');
  assert.equal(await state(machine, 'containerd'), containerd);
  assert.match(await journal(machine, 'kubelet'), /Dependency failed for kubelet.service/);
};

test('the first start of the kubelet waits for the images', async () => {
  await machine.powerOn(disk);
  await sh(machine, MOUNT);
  for (const shell of ['sh', 'busybox sh']) {
    await sh(machine, `${shell} /preload/restore.sh --install`);
    assert.deepEqual((await sh(machine, UNITS)).trim().split('\n'), [
      `/etc/systemd/system/containerd.service.d/kubectl-preload-${disk.set}.conf`,
      `/etc/systemd/system/kubectl-preload-${disk.set}.service`,
      `/etc/systemd/system/kubelet.service.requires/${service}`,
      '/etc/systemd/system/preload.mount',
    ]);
  }
  assert.equal(await sh(machine, 'ls /var/lib/containerd'), '', 'containerd has not run yet');
  await sh(machine, 'systemctl enable --now containerd kubelet');
  await assertReady(machine, disk);
});

test('after a reboot, too, and systemd mounts the disk without fsck', async () => {
  await reboot(machine, disk);
  await assertReady(machine, disk);
  assert.equal(await property(machine, 'preload.mount', 'FragmentPath'), '/etc/systemd/system/preload.mount');
  assert.equal(await sh(machine, 'systemctl list-units --all --plain --no-legend "systemd-fsck@*"'), '');
});

test('if the disk is missing, neither containerd nor the kubelet starts, until it is back', async () => {
  await reboot(machine);
  await assertDown('inactive');
  assert.equal(await state(machine, 'preload.mount'), 'failed');
  await reboot(machine, disk);
  await assertReady(machine, disk);
});

test('another disk with the same UUID is refused by the name of its set', async () => {
  await reboot(machine, newer);
  await assertDown('activating');
  const refused = new RegExp(`digest sha256:\\w+, not the expected sha256:\\w+: it has set ${newer.set}, made `);
  assert.match(await journal(machine, service), refused);
  assert.match(await journal(machine, 'containerd'), new RegExp(`needs the volume at /preload.*set ${disk.set}`));
});

test('if the images cannot be restored, the kubelet does not start; it can be started once they can', async () => {
  await machine.powerOff();
  await machine.write(CONTAINERD_CONFIG, WITHOUT_OVERLAYFS);
  await reboot(machine, disk);
  await assertDown('active');
  assert.match(await journal(machine, service), /cannot link: CRI uses the native snapshotter/);
  await machine.write(CONTAINERD_CONFIG, USUAL_CONTAINERD);
  await sh(machine, 'systemctl restart containerd && systemctl start kubelet');
  await assertReady(machine, disk);
});

test('an upgrade of containerd restarts neither the kubelet nor the restore', async () => {
  const pids = async () => [
    await property(machine, 'kubelet', 'MainPID'),
    await property(machine, service, 'ExecMainPID'),
  ];
  const before = await pids();
  await installContainerd(machine, '2');
  await sh(machine, 'systemctl restart containerd');
  assert.match(await sh(machine, 'ctr version'), /Server:\s+Version: +v?2\./);
  await sh(machine, CHECK);
  assert.deepEqual(await pids(), before);
  await reboot(machine, disk);
  await assertReady(machine, disk);
});

test('--install replaces a disk that is gone, whose images are removed before the kubelet starts', async () => {
  await reboot(machine, newer);
  const log = await sh(machine, 'sh /preload/restore.sh --install 2>&1');
  assert.match(log, new RegExp(`older set ${disk.set} is no longer mounted`));
  await sh(machine, 'systemctl start kubelet');
  await assertReady(machine, newer);
  assert.doesNotMatch(await sh(machine, 'crictl images'), /shop\/web/);
  await reboot(machine, newer);
  await assertReady(machine, newer);
});

test('--undo lets the node start without the disk', async () => {
  await sh(machine, 'sh /preload/restore.sh --undo');
  assert.equal(await state(machine, 'kubelet'), 'active');
  await reboot(machine);
  assert.equal(await state(machine, 'kubelet'), 'active');
  assert.doesNotMatch(await sh(machine, 'crictl images'), /shop\/app/);
  assert.match(await sh(machine, UNITS), /preload\.mount/);
});

test('--uninstall also removes the units; the kubelet runs on', async () => {
  await machine.powerOff();
  await machine.powerOn(newer);
  await sh(machine, `${MOUNT} && sh /preload/restore.sh --install && systemctl restart kubelet`);
  await assertReady(machine, newer);
  for (let time = 0; time < 2; time++) await sh(machine, 'sh /preload/restore.sh --uninstall');
  assert.equal(await sh(machine, UNITS), '');
  assert.equal(await state(machine, 'kubelet'), 'active');
  await reboot(machine);
  assert.equal(await state(machine, 'kubelet'), 'active');
});

test('with --settle, the node no longer needs the disk once everything is copied', async () => {
  await machine.powerOff();
  await machine.powerOn(newer);
  await sh(machine, `${MOUNT} && sh /preload/restore.sh --install --settle && systemctl restart kubelet`);
  await until('the end of the copying', async () =>
    /"mode":"copy"/.test((await machine.run(['cat', '/run/kubectl-preload/restore.json'])).stdout),
  );
  await reboot(machine);
  assert.equal(await state(machine, 'kubelet'), 'active');
  assert.match(await sh(machine, 'crictl images'), /shop\/app/);
});
