import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, loadAll } from 'js-yaml';
import { runningNodeScript } from '../../../src/manifests/recipes/boot-script.ts';
import { cloudInit } from '../../../src/manifests/recipes/cloud-init.ts';
import { flatcar } from '../../../src/manifests/recipes/flatcar.ts';
import { karpenter } from '../../../src/manifests/recipes/karpenter.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { run } from '../../cluster/machine/run.ts';
import { until } from '../../cluster/machine/until.ts';
import { nodeDisk } from '../../harness/node-disk.ts';
import type { SystemdMachine } from '../../harness/systemd-machine.ts';
import { app, pause, web } from '../restore/small-images.ts';
import { assertReady, journal, reboot, sh, state } from './node.ts';
import { newDisk, newNode, type SmallDisk } from './own-node.ts';

await ensurePackages(['cloud-init'], console.error);
const disk = await newDisk('disk', [app, web, pause]);

interface UserData {
  write_files: { path: string; content: string }[];
  runcmd: string[];
}

const GATE = '/etc/systemd/system/kubelet.service.d/preload-gate.conf';

/** Runs once, as cloud-init does it. */
const CLOUD_FINAL = `[Unit]
After=network.target
ConditionPathExists=!/var/lib/cloud/done
[Service]
Type=oneshot
ExecStartPre=/bin/touch /var/lib/cloud/done
ExecStart=/bin/sh /var/lib/cloud/runcmd
[Install]
WantedBy=multi-user.target
`;

/** Starts both daemons after user data, and waits for them, as on EKS AL2023 (simulated). */
const NODEADM_RUN = `[Unit]
After=cloud-final.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for unit in containerd kubelet; do systemctl restart --no-block $$unit; until systemctl is-active --quiet $$unit; do sleep 0.25; done; done'
[Install]
WantedBy=multi-user.target
`;

/** A node of EKS whose user data is what Karpenter gets. */
const newEksNode = async (name: string): Promise<SystemdMachine> => {
  const machine = await newNode(name, '2');
  const { uuid: filesystem, contentsDigest } = disk;
  const [nodeClass] = documents(karpenter.text(nodeDisk({ filesystem, contentsDigest })));
  const { spec } = nodeClass as { spec: { userData: string } };
  await machine.write('/var/lib/cloud/runcmd', withoutPatience(spec.userData));
  await machine.write('/etc/systemd/system/cloud-final.service', CLOUD_FINAL);
  await machine.write('/etc/systemd/system/nodeadm-run.service', NODEADM_RUN);
  return machine;
};

const documents = (text: string): unknown[] => {
  const found: unknown[] = [];
  loadAll(text, (document) => found.push(document));
  return found;
};

/** A machine whose first boot has this user data, put together by cloud-init's own code. */
const newMachine = async (name: string, userData: string): Promise<SystemdMachine> => {
  const { write_files: files, runcmd } = load(userData) as UserData;
  const join = 'import json, sys; from cloudinit.util import shellify; print(shellify(json.load(sys.stdin)))';
  const machine = await newNode(name, '2');
  for (const { path, content } of files) await machine.write(path, content);
  const script = await run(['/usr/bin/python3', '-c', join], { input: JSON.stringify(runcmd) });
  await machine.write('/var/lib/cloud/runcmd', script);
  await machine.write('/etc/systemd/system/cloud-final.service', CLOUD_FINAL);
  return machine;
};

const userData = ({ uuid, contentsDigest }: SmallDisk): string =>
  cloudInit.text(nodeDisk({ filesystem: uuid, contentsDigest }));

const withoutPatience = (text: string): string => text.replace('timeout 60 ', 'timeout 2 ');

/** Asserts that the kubelet cannot start. */
const assertDown = async (machine: SystemdMachine, reason: RegExp): Promise<void> => {
  assert.equal(await state(machine, 'cloud-final'), 'failed');
  assert.match(await journal(machine, 'cloud-final'), reason);
  assert.notEqual(await state(machine, 'kubelet'), 'active');
  const { code, stderr } = await machine.run(['systemctl', 'start', 'kubelet']);
  assert.notEqual(code, 0);
  assert.match(stderr, /Assertion failed/);
};

test('a machine that boots with the printed user data joins with all images, also after a reboot', async () => {
  const machine = await newMachine('joins', userData(disk));
  await machine.powerOn(disk);
  await sh(machine, 'systemctl enable cloud-final containerd kubelet');
  await reboot(machine, disk);
  await assertReady(machine, disk);
  assert.notEqual((await machine.run(['test', '-e', GATE])).code, 0);
  await reboot(machine, disk);
  await assertReady(machine, disk);
  await machine.powerOff();
});

test('without its disk, the kubelet never starts, also at later boots', async () => {
  const machine = await newMachine('diskless', withoutPatience(userData(disk)));
  await machine.powerOn();
  await sh(machine, 'systemctl enable cloud-final containerd kubelet');
  await reboot(machine);
  await assertDown(machine, /can't find UUID=/);
  await reboot(machine);
  assert.notEqual(await state(machine, 'kubelet'), 'active');
  await machine.powerOff();
});

test('a disk with other contents, or with another script, runs nothing', async () => {
  const other = withoutPatience(userData({ ...disk, contentsDigest: `sha256:${'0'.repeat(64)}` }));
  const machine = await newMachine('other', other);
  await machine.powerOn(disk);
  await sh(machine, 'systemctl enable cloud-final');
  await reboot(machine, disk);
  await assertDown(machine, /preload\.json: FAILED/);

  await sh(machine, 'cp -r /preload /root/copy && umount /preload && mount --bind /root/copy /preload');
  const right = load(userData(disk)) as UserData;
  await machine.write('/etc/preload/install.sh', right.write_files[0]?.content ?? '');
  const install = () => machine.run(['sh', '/etc/preload/install.sh']);
  await sh(machine, 'echo "touch /root/ran" >>/preload/restore.sh');
  assert.match((await install()).stdout, /preload\.json: OK\n.*restore\.sh: FAILED/s);
  assert.notEqual((await machine.run(['systemctl', 'start', 'kubelet'])).code, 0);
  assert.notEqual((await machine.run(['test', '-e', '/root/ran'])).code, 0);

  await sh(machine, 'umount /preload');
  assert.equal((await install()).code, 0);
  await sh(machine, 'systemctl start kubelet');
  await assertReady(machine, disk);
  await machine.powerOff();
});

interface Butane {
  storage: { files: { path: string; contents: { inline: string } }[] };
  systemd: { units: { name: string; enabled?: boolean; contents: string }[] };
}

test('a node of Karpenter joins with all images, and not without its disk', async () => {
  const machine = await newEksNode('eks');
  await machine.powerOn(disk);
  await sh(machine, 'systemctl enable cloud-final nodeadm-run');
  await reboot(machine, disk);
  await assertReady(machine, disk);
  await machine.powerOff();

  const diskless = await newEksNode('diskless-eks');
  await diskless.powerOn();
  await sh(diskless, 'systemctl enable cloud-final nodeadm-run');
  await diskless.powerOff();
  await diskless.powerOn();
  await until('the failed assertion', async () => /Assertion failed/.test(await journal(diskless, 'kubelet')));
  assert.equal(await state(diskless, 'cloud-final'), 'failed');
  assert.equal(await state(diskless, 'nodeadm-run'), 'activating', 'it waits, and the node does not join');
  await diskless.powerOff();
});

test('the units for Flatcar let the kubelet start with all images, at every boot, and not without the disk', async () => {
  const machine = await newNode('flatcar', '2');
  const { uuid: filesystem, contentsDigest } = disk;
  const { storage, systemd } = load(flatcar.text(nodeDisk({ filesystem, contentsDigest }))) as Butane;
  for (const { path, contents } of storage.files) await machine.write(path, contents.inline);
  for (const { name, contents } of systemd.units) await machine.write(`/etc/systemd/system/${name}`, contents);
  const enabled = systemd.units.filter((unit) => unit.enabled).map(({ name }) => name);
  await machine.powerOn(disk);
  await sh(machine, `systemctl enable containerd kubelet ${enabled.join(' ')}`);
  for (const boot of ['first', 'second']) {
    await reboot(machine, disk);
    const log = await journal(machine, 'preload-restore');
    assert.equal(await state(machine, 'kubelet'), 'active', `${boot}: ${log}`);
    assert.match(log, /restore\.sh: OK\n.*preload: (\d+) of \1 images present for the kubelet/s);
  }
  await reboot(machine);
  assert.equal(await state(machine, 'kubelet'), 'inactive');
  assert.equal(await state(machine, 'containerd'), 'inactive');
  await machine.powerOff();
});

test('a node that already runs gets all images at once, and at its next boot before its kubelet', async () => {
  const machine = await newNode('running', '2');
  await machine.powerOn(disk);
  await sh(machine, 'systemctl enable --now containerd kubelet');
  const { uuid: filesystem, contentsDigest } = disk;
  const log = await sh(machine, runningNodeScript(nodeDisk({ filesystem, contentsDigest })));
  assert.match(log, /preload\.json: OK\n.*restore\.sh: OK\n/s);
  await sh(machine, 'sh /preload/restore.sh --check');
  assert.equal(await state(machine, 'kubelet'), 'active');
  await reboot(machine, disk);
  await assertReady(machine, disk);
  await machine.powerOff();
});
