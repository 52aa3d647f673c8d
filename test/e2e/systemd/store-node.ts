import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { SystemdMachine } from '../../harness/systemd-machine.ts';
import { shell } from '../restore/small-images.ts';
import { PLATFORM, packSmallImage, type SmallImage } from '../restore/small-volume.ts';
import { sh } from './node.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-store-'));
after(() => rm(folder, { recursive: true }));

/** Gives an image to the machine's containerd as a pull does. */
export const pullOn = async (machine: SystemdMachine, image: SmallImage, namespace = 'k8s.io'): Promise<void> => {
  await copyFile(await packSmallImage(folder, image), machine.path('/root/image.tar'));
  // its garbage is collected now, because a later collection would change the store while a restore looks at it
  await sh(
    machine,
    `ctr --namespace ${namespace} images import --platform ${PLATFORM} /root/image.tar
    ctr --namespace ${namespace} leases create --id imported
    ctr --namespace ${namespace} leases delete --sync imported`,
  );
};

/** Lets the machine's containerd start without a store, as on a node that has never run. */
export const emptyStore = (machine: SystemdMachine): Promise<string> =>
  sh(
    machine,
    `systemctl stop containerd
    rm -rf /var/lib/containerd/* /var/lib/kubectl-preload /etc/systemd/system/containerd.service.d \
      /run/systemd/system/containerd.service.d
    systemctl daemon-reload
    systemctl start containerd || { journalctl --unit containerd --lines 20 >&2; systemctl cat containerd >&2; exit 1; }`,
  );

/** Runs a container of the image `shell` to its end. What it says is in a file, because ctr loses the output of quick containers. */
export const greet = (machine: SystemdMachine): Promise<string> =>
  sh(
    machine,
    `for folder in /sys/fs/cgroup/*; do [ ! -d $folder ] || mount -o remount,bind,rw $folder; done
    rm -rf /root/said && mkdir /root/said
    ctr --namespace k8s.io run --rm --net-host --cgroup '' --mount type=bind,src=/root/said,dst=/said,options=rbind:rw \
      ${shell.name} greet /bin/sh -c 'read -r text <greeting; echo "$text" >/said/text'
    cat /root/said/text`,
  );

let mounts = 0; // containerd may remember a folder of an earlier mount for a while

/** Asserts that every image that containerd lists can be used; the image `shell` must be there. */
export const assertUsable = async (machine: SystemdMachine, others: readonly SmallImage[]): Promise<void> => {
  const listed = (await sh(machine, 'ctr --namespace k8s.io images ls -q')).trim().split('\n');
  assert.ok(listed.includes(shell.name), `the old image is listed: ${listed}`);
  assert.equal((await greet(machine)).trim(), 'greeting');
  for (const { name } of others.filter((image) => listed.includes(image.name))) {
    const folder = `/mnt/${mounts++}`;
    await sh(
      machine,
      `mkdir -p ${folder}
      ctr --namespace k8s.io images mount ${name} ${folder}
      ls ${folder}
      ctr --namespace k8s.io images unmount --rm ${folder}`,
    );
  }
};

/** What a restore has left of the swap of stores; empty if all is well. */
export const leftOfSwap = (machine: SystemdMachine): Promise<string> =>
  sh(
    machine,
    `ls -d /var/lib/containerd/kubectl-preload /var/lib/kubectl-preload/depot \
      /etc/systemd/system/containerd.service.d/kubectl-preload-store.conf 2>/dev/null || true`,
  );
