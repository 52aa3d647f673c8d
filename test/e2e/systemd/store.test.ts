import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { until } from '../../cluster/machine/until.ts';
import { CONTAINERD_VERSIONS } from '../../cluster/node/config.ts';
import type { SystemdMachine } from '../../harness/systemd-machine.ts';
import { app, deep, pause, shell, web } from '../restore/small-images.ts';
import type { SmallImage } from '../restore/small-volume.ts';
import { sh } from './node.ts';
import { newNode } from './own-node.ts';
import { captureDisk } from './seeded-disk.ts';
import { emptyStore, greet, leftOfSwap, pullOn } from './store-node.ts';

await ensurePackages(['busybox-static'], console.error);

/** What `kubeadm config images pull` puts on a node image, besides the pause image. */
const kubeadm: SmallImage[] = [
  { name: 'registry.k8s.io/kube-proxy:v1.34.0', layers: ['base', 'kube-proxy'] },
  { name: 'registry.k8s.io/coredns/coredns:v1.12.1', layers: ['coredns'] },
];
const images = [shell, app, web, ...kubeadm, pause];
const present = new RegExp(`${images.length} of ${images.length} images present for the kubelet`);
const [foreign = app] = deep;

/** Gives an image the name that CRI adds when it pulls; before version 2, also when ctr imports. */
const nameByDigest = (machine: SystemdMachine, { name }: SmallImage): Promise<string> =>
  sh(
    machine,
    `digest=$(ctr --namespace k8s.io images ls name==${name} | awk 'NR == 2 { print $3 }')
    ctr --namespace k8s.io images tag --force ${name} ${name.replace(/:[^:]*$/, '')}@$digest`,
  );

interface Case {
  title: string;
  prepare?: (machine: SystemdMachine) => Promise<void>;
  flags?: string;
  /** why it is not mode store */
  link?: RegExp;
}

const CASES: Case[] = [
  { title: 'an empty store' },
  { title: 'the pause image only', prepare: (machine) => pullOn(machine, pause) },
  {
    title: "kubeadm's images",
    prepare: async (machine) => {
      for (const image of [...kubeadm, pause]) {
        await pullOn(machine, image);
        await nameByDigest(machine, image);
      }
    },
  },
  {
    title: 'half of the images',
    prepare: async (machine) => {
      for (const image of [shell, app, web]) await pullOn(machine, image);
    },
  },
  {
    title: 'an image that is not on the volume',
    prepare: (machine) => pullOn(machine, foreign),
    link: /namespace k8s\.io has the (image registry\.test\/deep:0|snapshot sha256:\w+)/,
  },
  {
    title: 'an older version of an image',
    prepare: (machine) => pullOn(machine, { ...app, layers: ['base', 'other'] }),
    link: /namespace k8s\.io has the (image|snapshot) /,
  },
  {
    title: 'another name of an image',
    prepare: async (machine) => {
      await pullOn(machine, app);
      await sh(machine, `ctr --namespace k8s.io images tag ${app.name} registry.test/mine:1`);
    },
    link: /namespace k8s\.io has the image registry\.test\/mine:1/,
  },
  {
    title: 'a container in another namespace',
    prepare: async (machine) => {
      await pullOn(machine, shell, 'moby');
      await sh(machine, `ctr --namespace moby containers create ${shell.name} idle`);
    },
    link: /namespace moby has the /,
  },
  {
    title: 'a lease',
    prepare: async (machine) => {
      await sh(machine, 'ctr --namespace k8s.io leases create --id theirs');
    },
    link: /namespace k8s\.io has the lease theirs/,
  },
  {
    title: 'a snapshot of another snapshotter',
    prepare: async (machine) => {
      await sh(machine, 'ctr --namespace k8s.io snapshots --snapshotter native prepare theirs');
    },
    link: /namespace k8s\.io has the snapshot theirs/,
  },
  { title: 'an empty store, without pins', flags: '--no-pin', link: /the images of the seed are pinned/ },
];

for (const version of CONTAINERD_VERSIONS) {
  describe(`containerd ${version}`, async () => {
    const disk = await captureDisk(`disk-${version}`, images, version);
    const machine = await newNode(`machine-${version}`, version);
    await machine.powerOn(disk);
    await sh(machine, `mkdir -p /preload && mount -o ro UUID=${disk.uuid} /preload`);

    for (const { title, prepare, flags = '', link } of CASES) {
      test(title, async () => {
        await emptyStore(machine);
        await prepare?.(machine);
        const log = await sh(machine, `sh /preload/restore.sh ${flags} 2>&1`);
        if (link) assert.match(log, new RegExp(`mode link: .*not store, because ${link.source}`), log);
        else assert.match(log, /mode store: /, log);
        assert.match(log, present);
        await sh(machine, 'sh /preload/restore.sh --check');
        assert.equal((await greet(machine)).trim(), 'greeting');
        assert.equal(await leftOfSwap(machine), '');

        const again = await sh(machine, 'sh /preload/restore.sh 2>&1');
        assert.match(again, /mode link: .*every layer is already here/);
        assert.match(again, present);
      });
    }

    test('--undo removes what the store has, so that it can be pulled', async () => {
      await emptyStore(machine);
      assert.match(await sh(machine, 'sh /preload/restore.sh 2>&1'), /mode store: /);
      await sh(machine, 'sh /preload/restore.sh --undo');
      assert.doesNotMatch(await sh(machine, 'ctr --namespace k8s.io images ls -q'), /shop|shell/); // the pause image is copied
      await pullOn(machine, shell);
      assert.equal((await greet(machine)).trim(), 'greeting');
      assert.match(await sh(machine, 'ls -A /var/lib/kubectl-preload 2>/dev/null | wc -l'), /^0$/m);
    });

    test('is not misled by a service of another user that is called containerd', async () => {
      const other = '/run/other';
      const copied = `${other}/io.containerd.metadata.v1.bolt`;
      await sh(
        machine,
        `systemctl stop containerd
        mkdir -p ${copied} && cp /bin/bash ${other}/containerd && echo theirs >${copied}/meta.db
        chmod -R a+rX ${other}
        echo 'exec 3<${copied}/meta.db; sleep 100; true' >${other}/waits
        echo 'id -u >${other}/ran' >${other}/config
        cgroups=/sys/fs/cgroup && [ ! -d $cgroups/systemd ] || cgroups=$cgroups/systemd
        mount -o remount,bind,rw $cgroups
        mkdir -p $cgroups/user.slice/containerd.service
        for number in 1 2 3; do
          setpriv --reuid=65534 --regid=65534 --clear-groups ${other}/containerd ${other}/waits >/dev/null 2>&1 &
          echo $! >$cgroups/user.slice/containerd.service/cgroup.procs
          echo $! >>${other}.pids
        done
        sleep 0.5
        grep -l '/user.slice/containerd.service$' /proc/[0-9]*/cgroup`,
      );
      await emptyStore(machine);
      const log = await sh(machine, `cd ${other} && sh /preload/restore.sh 2>&1; kill $(cat ${other}.pids); ls`);
      assert.match(log, /mode store: /);
      assert.match(log, /^config\ncontainerd\nio\.containerd\.metadata\.v1\.bolt\nwaits$/m);
    });

    test('--prewarm reads the layers while containerd starts with the store', async () => {
      await emptyStore(machine);
      const log = await sh(machine, 'sh /preload/restore.sh --prewarm=all 2>&1');
      assert.match(log, /mode store: .*prewarm: reading files ahead/s);
      const result = () => sh(machine, 'cat /run/kubectl-preload/prewarm.json 2>/dev/null || true');
      await until('the end of the reading', async () => /[1-9]\d* files with \d+ KiB read/.test(await result()));
    });

    test('--mode copy after the store makes the disk unnecessary', async () => {
      await emptyStore(machine);
      assert.match(await sh(machine, 'sh /preload/restore.sh 2>&1'), /mode store: /);
      const log = await sh(machine, 'sh /preload/restore.sh --mode copy 2>&1');
      assert.match(log, present);
      await sh(machine, 'umount /preload && systemctl restart containerd');
      assert.equal((await greet(machine)).trim(), 'greeting');
      await sh(machine, `mount -o ro UUID=${disk.uuid} /preload`);
    });
  });
}
