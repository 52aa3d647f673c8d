import { attachReadOnly } from '../cluster/machine/disk.ts';
import { run } from '../cluster/machine/run.ts';
import type { ContainerdVersion } from '../cluster/node/config.ts';
import { newNode, sh } from '../e2e/systemd/node.ts';
import { emptyStore } from '../e2e/systemd/store-node.ts';
import type { Disk } from './disk.ts';
import { coldSeconds, median } from './timing.ts';

const TIMES = 5;

/** Seconds of mode store on a machine with systemd, and its parts. */
export const measureStore = async (version: ContainerdVersion, disk: Disk) => {
  const device = await attachReadOnly(disk.image);
  const machine = await newNode(`machine-${version}-${Date.now()}`, version);
  try {
    await machine.powerOn({ device, uuid: disk.uuid });
    await sh(machine, `mkdir -p /preload && mount -o ro ${device} /preload`);
    const rounds = [];
    for (let time = 0; time < TIMES; time++) {
      await emptyStore(machine);
      const seconds = await coldSeconds(() => sh(machine, 'sh /preload/restore.sh --mode store'));
      rounds.push({ seconds, ...JSON.parse(await sh(machine, 'cat /run/kubectl-preload/restore.json')).phases });
    }
    const megabytes = Number.parseInt(await sh(machine, 'du -sk /var/lib/containerd'), 10) / 1024;
    return { seconds: median(rounds.map(({ seconds }) => seconds)), megabytes, rounds };
  } finally {
    await machine.powerOff();
    await run(['losetup', '--detach', device]);
  }
};
