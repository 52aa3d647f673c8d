import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ENVIRONMENT } from '../cluster/machine/daemons.ts';
import { until } from '../cluster/machine/until.ts';
import { type Outcome, outcome } from './private-node.ts';
import { systemdRoot } from './systemd-root.ts';

/** A block device of this machine, by the UUID of its filesystem. */
export interface AttachedDisk {
  device: string;
  uuid: string;
}

/** A machine with a systemd of its own, and without a network. It is off at first. */
export interface SystemdMachine {
  /** Returns when systemd answers; units may still be starting. */
  powerOn(disk?: AttachedDisk): Promise<void>;
  /** As if power failed. */
  powerOff(): Promise<void>;
  run(argv: readonly string[]): Promise<Outcome>;
  /** A path of the machine, for this process; another one after it was switched on or off. */
  path(path: string): string;
  write(path: string, text: string): Promise<void>;
}

interface Running {
  nspawn: ChildProcess;
  /** PID 1 of the machine */
  systemd: number;
}

// the overlay goes with the process
const BOOT = `
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$FOLDER/upper,workdir=$FOLDER/work" "$FOLDER/root"
exec systemd-nspawn --quiet --boot --directory "$FOLDER/root" "$@"
`;

/** Makes a machine whose files are in `folder`. `binaries` are shown in its /usr/local/sbin. */
export const newSystemdMachine = async (folder: string, binaries: readonly string[]): Promise<SystemdMachine> => {
  const base = await systemdRoot(console.error);
  // containerd's layers cannot be on an overlay
  for (const name of ['upper', 'work', 'root', 'containerd']) await mkdir(join(folder, name), { recursive: true });
  const flags = [
    ...['--register=no', '--keep-unit', '--private-network', '--capability=all', '--bind=/dev/kmsg'],
    '--system-call-filter=@keyring', // runc makes keyrings
    ...['--resolv-conf=off', '--timezone=off', '--link-journal=no', '--console=pipe'],
    `--bind=${join(folder, 'containerd')}:/var/lib/containerd`,
    ...binaries.map((file) => `--bind-ro=${file}:/usr/local/sbin/${file.split('/').at(-1)}`),
  ];
  let running: Running | undefined;

  const path = (inside: string) => (running ? `/proc/${running.systemd}/root${inside}` : join(folder, 'upper', inside));

  const run = (argv: readonly string[]) => {
    const enter = [
      '--target',
      String(running?.systemd),
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--root',
      '--wd',
    ];
    return outcome(spawn('nsenter', [...enter, '--', ...argv], { env: ENVIRONMENT }));
  };

  return {
    run,
    path,
    powerOn: async (disk) => {
      // no udev runs in the machine
      const binds = disk ? [disk.device, `${disk.device}:/dev/disk/by-uuid/${disk.uuid}`] : [];
      const boot = ['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', BOOT, 'sh', ...flags];
      // ends with this process, however that ends
      const nspawn = spawn('setpriv', ['--pdeathsig=TERM', ...boot, ...binds.map((bind) => `--bind=${bind}`)], {
        env: { ...ENVIRONMENT, BASE: base, FOLDER: folder },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let log = '';
      for (const stream of [nspawn.stdout, nspawn.stderr]) {
        stream.on('data', (chunk) => {
          log = `${log}${chunk}`.slice(-4000);
        });
      }
      await until('systemd in the machine', async () => {
        if (nspawn.exitCode !== null) throw new Error(`the machine does not start: ${log}`);
        const systemd = await firstProcess(nspawn.pid ?? 0);
        if (systemd === undefined) return false;
        running = { nspawn, systemd };
        return /^(starting|running|degraded)/.test((await run(['systemctl', 'is-system-running'])).stdout);
      });
    },
    powerOff: async () => {
      if (!running) return;
      const { nspawn, systemd } = running;
      running = undefined;
      process.kill(systemd, 'SIGKILL'); // and with it all its processes; without systemd-nspawn they would go on
      if (nspawn.exitCode === null) await once(nspawn, 'exit');
    },
    write: async (inside, text) => {
      await mkdir(dirname(path(inside)), { recursive: true });
      await writeFile(path(inside), text);
    },
  };
};

/** The child of systemd-nspawn that is PID 1 in a namespace of its own, once it runs systemd. */
const firstProcess = async (nspawn: number): Promise<number | undefined> => {
  const children = await readFile(`/proc/${nspawn}/task/${nspawn}/children`, 'utf8').catch(() => '');
  for (const child of children.trim().split(' ').filter(Boolean)) {
    const status = await readFile(`/proc/${child}/status`, 'utf8').catch(() => '');
    if (/^Name:\tsystemd$/m.test(status) && /^NSpid:.*\t1$/m.test(status)) return Number(child);
  }
  return undefined;
};
