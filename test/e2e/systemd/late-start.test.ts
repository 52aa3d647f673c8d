import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../cluster/machine/until.ts';
import type { SystemdMachine } from '../../harness/systemd-machine.ts';
import { app, pause, web } from '../restore/small-images.ts';
import {
  assertReady,
  CONTAINERD_CONFIG,
  journal,
  KUBELET_CONFIG,
  type PreloadDisk,
  reboot,
  STANDALONE,
  sh,
  state,
  WITHOUT_OVERLAYFS,
} from './node.ts';
import { newDisk, newNode } from './own-node.ts';

const disk = await newDisk('disk', [app, web, pause]);
const service = `kubectl-preload-${disk.set}.service`;

/** What cloud-init runs once, at the first boot. */
const userData = ({ uuid }: PreloadDisk): string => `[Unit]
After=network.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'test -e /etc/booted || { touch /etc/booted; mkdir -p /preload; mount -o ro UUID=${uuid} /preload && sh /preload/restore.sh --install; }'
[Install]
WantedBy=multi-user.target
`;

// as nodeadm calls RestartUnit for one after the other, and asks every 250 ms whether it is active
const NODEADM = `for unit in containerd kubelet; do
  systemctl restart --no-block $unit
  until systemctl is-active --quiet $unit; do sleep 0.25; done
done
`;

/** The drop-in of kubeadm's package. */
const KUBEADM = `[Service]
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/sbin/kubelet --config=${KUBELET_CONFIG} $KUBELET_EXTRA_ARGS
`;

const NODEADM_RUN = `[Unit]
After=cloud-final.service
[Service]
Type=oneshot
ExecStart=/bin/sh /opt/nodeadm.sh
[Install]
WantedBy=multi-user.target
`;

/** Its unit starts both daemons after user data, as on EKS AL2023. */
const newNodeadmNode = async (name: string): Promise<SystemdMachine> => {
  const machine = await newNode(name, '1.7');
  await machine.write('/etc/systemd/system/cloud-final.service', userData(disk));
  await machine.write('/etc/systemd/system/nodeadm-run.service', NODEADM_RUN);
  await machine.write('/opt/nodeadm.sh', NODEADM);
  await machine.powerOn(disk);
  await sh(machine, 'systemctl enable cloud-final nodeadm-run');
  return machine;
};

test('a program that starts containerd and the kubelet late, as nodeadm does (simulated), waits for the images', async () => {
  const machine = await newNodeadmNode('nodeadm');
  await reboot(machine, disk);
  await assertReady(machine, disk);
  assert.equal(await state(machine, 'nodeadm-run'), 'inactive', 'it has finished');
  await reboot(machine, disk);
  await assertReady(machine, disk);

  await machine.powerOff();
  await machine.write(CONTAINERD_CONFIG, WITHOUT_OVERLAYFS);
  await machine.powerOn(disk);
  await until('the failure', async () => /Dependency failed/.test(await journal(machine, 'kubelet')));
  await sleep(1000);
  assert.equal(await state(machine, 'nodeadm-run'), 'activating', 'it waits, and the node does not join');
  assert.equal(await state(machine, 'kubelet'), 'inactive');
});

test('a kubelet that fails until kubeadm has written its configuration waits for the images, too', async () => {
  const machine = await newNode('kubeadm', '2');
  await machine.write('/etc/systemd/system/kubelet.service.d/10-kubeadm.conf', KUBEADM);
  await machine.write('/etc/default/kubelet', 'KUBELET_EXTRA_ARGS="--node-labels=shop=yes --v=1"\n');
  await machine.powerOn(disk);
  await sh(machine, `mv ${KUBELET_CONFIG} /root/; systemctl enable --now containerd kubelet`);
  await until('a failing kubelet', async () => (await state(machine, 'kubelet')) === 'activating');
  await sh(
    machine,
    `mkdir -p /preload && mount -o ro UUID=${disk.uuid} /preload && sh /preload/restore.sh --install --label`,
  );
  await machine.write(KUBELET_CONFIG, STANDALONE);
  await sh(machine, 'systemctl restart kubelet'); // as kubeadm join does
  await assertReady(machine, disk);
  assert.equal(await state(machine, service), 'active');
  const command = async () =>
    (await sh(machine, 'tr "\\0" " " </proc/$(systemctl show --value --property=MainPID kubelet)/cmdline')).trim();
  assert.match(await command(), new RegExp(` --node-labels=shop=yes --v=1 --node-labels=preload/set=${disk.set}$`));
  await sh(machine, 'sh /preload/restore.sh --uninstall && systemctl restart kubelet');
  await until('the kubelet', async () => (await command()).endsWith(' --node-labels=shop=yes --v=1'));
});
