import assert from 'node:assert/strict';
import { join } from 'node:path';
import { attachReadOnly } from '../cluster/machine/disk.ts';
import { run } from '../cluster/machine/run.ts';
import type { ContainerdVersion } from '../cluster/node/config.ts';
import { makeNode, property, reboot, sh } from '../e2e/systemd/node.ts';
import type { SystemdMachine } from '../harness/systemd-machine.ts';
import { type Disk, emptyDisk } from './disk.ts';
import { dropCaches, log, median, REST, round } from './timing.ts';

const TIMES = 5;
const BOOTS = 3;

// in the machine, because to enter it takes a tenth of a second when nothing is in the page cache
const measured = async (machine: SystemdMachine, commands: string): Promise<number> => {
  const nanoseconds = await sh(machine, `begin=$(date +%s%N)\n${commands}\necho $(($(date +%s%N) - begin))`);
  return round(Number(nanoseconds) / 1e9);
};

const SOCKET = 'unix:///run/containerd/containerd.sock';
const LISTED = `crictl --image-endpoint ${SOCKET} --runtime-endpoint ${SOCKET} images --quiet | wc -l`;

// what containerd itself takes to list `all` images of its store, with or without us
const restarted = (all: string): string => `systemctl restart containerd
until [ "$(${LISTED})" = ${all} ]; do sleep 0.03; done`;

/** Lets containerd start as on a new node. Nothing is deleted, because ext4 is slow for minutes where many files were. */
const emptyStore = (machine: SystemdMachine): Promise<string> =>
  sh(
    machine,
    `systemctl stop containerd
    mkdir -p /var/lib/containerd/aside
    aside=$(mktemp -d /var/lib/containerd/aside/XXXXXX)
    find /var/lib/containerd -mindepth 1 -maxdepth 1 ! -name aside -exec mv -t "$aside" {} +
    rm -rf /var/lib/kubectl-preload /etc/systemd/system/containerd.service.d
    systemctl daemon-reload
    systemctl start containerd`,
  );

/** Seconds of mode store on a machine with systemd and a disk of its own, its parts, and those of a mere restart. */
export const measureStore = async (folder: string, version: ContainerdVersion, disk: Disk) => {
  const device = await attachReadOnly(disk.image);
  const own = await emptyDisk(join(folder, 'machine'));
  const machine = await makeNode(version, join(own.path, 'machine'));
  try {
    await machine.powerOn({ device, uuid: disk.uuid });
    await sh(machine, `mkdir -p /preload && mount -o ro ${device} /preload`);
    const rounds = [];
    for (let time = 0; time < TIMES; time++) {
      await emptyStore(machine);
      await dropCaches(REST);
      const seconds = await measured(machine, 'sh /preload/restore.sh --mode store >&2');
      rounds.push({
        seconds,
        ...JSON.parse(await sh(machine, 'cat /run/kubectl-preload/restore.json')).phases,
      });
    }
    const megabytes = Number.parseInt(await sh(machine, 'du -sk --exclude aside /var/lib/containerd'), 10) / 1024;
    const all = (await sh(machine, LISTED)).trim();
    assert.notEqual(all, '0', 'CRI lists the images');
    const restarts = [];
    for (let time = 0; time < TIMES; time++) {
      await dropCaches(1);
      restarts.push(await measured(machine, restarted(all)));
    }
    const seconds = median(rounds.map((each) => each.seconds));
    return { seconds, megabytes, restartSeconds: median(restarts), rounds, restarts };
  } finally {
    await machine.powerOff();
    await run(['losetup', '--detach', device]);
    await own.release();
  }
};

/** Seconds from power-on until the kubelet starts: without a preload, at the first boot with one, and at later boots. */
export const measureBoot = async (folder: string, version: ContainerdVersion, disk: Disk) => {
  const device = await attachReadOnly(disk.image);
  const own = await emptyDisk(join(folder, 'machine'));
  const machine = await makeNode(version, join(own.path, 'machine'));
  const attached = { device, uuid: disk.uuid };
  const boot = async (): Promise<number> => {
    await reboot(machine, attached);
    const [begin, start] = [
      await sh(machine, 'systemctl show --value --property=UserspaceTimestampMonotonic'),
      await property(machine, 'kubelet', 'ExecMainStartTimestampMonotonic'),
    ].map(Number) as [number, number];
    return (start - begin) / 1e6;
  };
  const seconds: Record<string, number[]> = { without: [], first: [], later: [] };
  try {
    await reboot(machine, attached);
    await sh(machine, 'systemctl enable containerd kubelet');
    for (let time = 0; time < BOOTS; time++) seconds.without?.push(await boot());
    for (let time = 0; time < BOOTS; time++) {
      await emptyStore(machine);
      await sh(
        machine,
        `mountpoint -q /preload || { mkdir -p /preload && mount -o ro ${device} /preload; }
        systemctl stop kubelet containerd
        sh /preload/restore.sh --install`,
      );
      seconds.first?.push(await boot());
      seconds.later?.push(await boot());
    }
    log(`containerd ${version}, from power-on until the kubelet starts: ${JSON.stringify(seconds)}`);
    return Object.fromEntries(Object.entries(seconds).map(([when, values]) => [when, round(median(values))]));
  } finally {
    await machine.powerOff();
    await run(['losetup', '--detach', device]);
    await own.release();
  }
};
