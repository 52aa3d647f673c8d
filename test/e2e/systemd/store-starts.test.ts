import assert from 'node:assert/strict';
import { test } from 'node:test';
import { app, deep, pause, shell, web } from '../restore/small-images.ts';
import { assertReady, journal, property, reboot, sh, state } from './node.ts';
import { newNode } from './own-node.ts';
import { captureDisk } from './seeded-disk.ts';
import { emptyStore, greet, leftOfSwap, pullOn } from './store-node.ts';

const disk = await captureDisk('disk', [shell, app, web, pause], '2');
const machine = await newNode('machine', '2');
const [foreign = app] = deep;
const service = `kubectl-preload-${disk.set}.service`;
await machine.powerOn(disk);
await sh(machine, `mkdir -p /preload && mount -o ro UUID=${disk.uuid} /preload`);

const fresh = async (): Promise<void> => {
  await emptyStore(machine);
  await sh(machine, 'systemctl stop containerd');
};

const assertAllThere = async (): Promise<void> => {
  await sh(machine, 'sh /preload/restore.sh --check');
  assert.equal((await greet(machine)).trim(), 'greeting');
};

test('--before-containerd lets the first start use the store', async () => {
  await fresh();
  await sh(machine, 'rm -rf /var/lib/containerd/*');
  const log = await sh(machine, 'sh /preload/restore.sh --before-containerd 2>&1');
  assert.match(log, new RegExp(`containerd starts with the images of set ${disk.set}`));
  await sh(machine, 'systemctl start containerd');
  await assertAllThere();
});

test('--before-containerd replaces a store that has nothing else', async () => {
  await emptyStore(machine);
  await pullOn(machine, pause);
  await sh(
    machine,
    'systemctl stop containerd && sh /preload/restore.sh --before-containerd && systemctl start containerd',
  );
  await assertAllThere();
});

test('--before-containerd keeps a store that has anything else, and says what', async () => {
  await emptyStore(machine);
  await pullOn(machine, foreign);
  const running = await machine.run(['sh', '/preload/restore.sh', '--before-containerd']);
  assert.equal(running.code, 4);
  assert.match(running.stderr, /containerd has started already; once containerd runs, run restore\.sh/);
  const before = await sh(machine, 'systemctl stop containerd; find /var/lib/containerd | sort | cksum');
  const { code, stderr } = await machine.run(['sh', '/preload/restore.sh', '--before-containerd']);
  assert.equal(code, 4);
  assert.match(stderr, /cannot use the store: namespace k8s\.io has the (image|snapshot) /);
  assert.equal(await sh(machine, 'find /var/lib/containerd | sort | cksum'), before);
  await sh(machine, 'systemctl start containerd && ctr --namespace k8s.io images ls -q | grep -q deep');
});

test('a seed that does not match preload.json is refused, and nothing has changed', async () => {
  await fresh();
  await sh(machine, 'cp -a /preload /root/mixed && echo more >>/root/mixed/restore/seed.tar');
  const ours = '/var/lib/containerd/kubectl-preload /var/lib/kubectl-preload /etc/systemd/system';
  const refused = async (...flags: string[]): Promise<void> => {
    const files = () => sh(machine, `find ${ours} 2>/dev/null | sort`);
    const before = await files();
    const { code, stderr } = await machine.run(['sh', '/root/mixed/restore.sh', ...flags]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /restore\/seed\.tar does not match its checksum in preload\.json/);
    assert.equal(await files(), before);
  };
  await refused('--before-containerd');
  await sh(machine, 'systemctl start containerd');
  await refused();
  await sh(machine, 'rm -r /root/mixed');
});

test('a store that is waiting for its start moves with the root of containerd to another disk', async () => {
  await fresh();
  await sh(
    machine,
    `sh /preload/restore.sh --before-containerd
    mkdir -p /mnt/disk
    mount -t tmpfs tmpfs /mnt/disk
    cp -a /var/lib/containerd/. /mnt/disk
    mount --bind /mnt/disk /var/lib/containerd
    systemctl start containerd`,
  );
  await assertAllThere();
  await sh(machine, 'systemctl stop containerd && umount /var/lib/containerd /mnt/disk');
});

/** The log of a restore on a node whose store changes at stops of containerd, after `condition` of a shell. */
const restoreOnChanging = async (condition: string): Promise<string> => {
  await emptyStore(machine);
  await pullOn(machine, pause);
  // bolt ignores what follows its last page
  const change = 'truncate -s +4096 /var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db';
  const dropIn = '/etc/systemd/system/containerd.service.d/change.conf';
  await machine.write(dropIn, `[Service]\nExecStopPost=-/bin/sh -c '${condition} && ${change}'\n`);
  return sh(machine, `systemctl daemon-reload; sh /preload/restore.sh 2>&1; rm ${dropIn}; systemctl daemon-reload`);
};

test('a store that changes just before the swap is looked at once more', async () => {
  const log = await restoreOnChanging('mkdir /run/changed');
  assert.match(log, / has changed since it was checked; trying once more\n.*mode store: .*4 of 4 images present/s);
  await assertAllThere();
  assert.equal(await leftOfSwap(machine), '');
});

test('a store that keeps changing stays, and the images are linked', async () => {
  const log = await restoreOnChanging('true');
  assert.match(log, /mode link: .*; not store, because the store of containerd has changed since it was checked\n/);
  await assertAllThere();
  assert.equal(await leftOfSwap(machine), '');
});

test('units that start containerd meanwhile do no harm', async () => {
  await emptyStore(machine);
  const log = await sh(
    machine,
    `(while sleep 0.02; do systemctl start --no-block containerd; done) >/dev/null 2>&1 & loop=$!
    timeout 60 sh /preload/restore.sh 2>&1; kill $loop`,
  );
  assert.match(log, /mode store: .*\n.*4 of 4 images present/s);
  await assertAllThere();
});

test('--install lets the first start use the store, and the kubelet starts after it', async () => {
  await fresh();
  await sh(machine, 'sh /preload/restore.sh --install && systemctl start kubelet');
  await assertReady(machine, disk);
  assert.match(await journal(machine, service), /mode link: .*every layer is already here/);
  assert.equal(await property(machine, 'containerd', 'NRestarts'), '0');
  await sh(machine, 'sh /preload/restore.sh --uninstall');
});

test('a kubelet that requires containerd starts, even if containerd restarts while it waits', async () => {
  await machine.write('/etc/systemd/system/kubelet.service.d/requires.conf', '[Unit]\nRequires=containerd.service\n');
  await sh(machine, 'systemctl stop kubelet');
  await emptyStore(machine);
  await sh(machine, 'sh /preload/restore.sh --install && systemctl start kubelet');
  await assertReady(machine, disk);
  assert.match(await journal(machine, service), /mode store: /);
  await sh(machine, 'systemctl enable containerd kubelet');
  await reboot(machine, disk);
  await assertReady(machine, disk);
  assert.equal(await state(machine, 'containerd'), 'active');
});
