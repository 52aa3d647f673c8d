import { createHash } from 'node:crypto';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages } from '../cluster/machine/apt.ts';
import { exists } from '../cluster/machine/probes.ts';
import { run } from '../cluster/machine/run.ts';
import { CACHE } from '../cluster/state.ts';

const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'busybox-static', 'runc'];

let installed: Promise<string> | undefined;

/** A Debian with systemd, as a folder: that of this machine's release, installed once. Machines use it read-only. */
export const systemdRoot = (log: (line: string) => void): Promise<string> => {
  installed ??= install(log);
  return installed;
};

const install = async (log: (line: string) => void): Promise<string> => {
  await ensurePackages(['debootstrap', 'systemd-container'], log);
  const [, suite = ''] = (await readFile('/etc/os-release', 'utf8')).match(/^VERSION_CODENAME=(\w+)$/m) ?? [];
  const version = createHash('sha256')
    .update([suite, ...PACKAGES].join())
    .digest('hex')
    .slice(0, 12);
  const target = join(CACHE, `systemd-${version}`);
  if (await exists(target)) return target;
  log(`installing Debian ${suite} into ${target}`);
  const partial = `${target}.${process.pid}`;
  await mkdir(CACHE, { recursive: true });
  await run(['debootstrap', '--variant=minbase', `--include=${PACKAGES}`, suite, partial]);
  await run(['rm', '-rf', ...['var/cache/apt', 'var/lib/apt'].map((path) => join(partial, path))]);
  await rename(partial, target).catch(async (error) => {
    await run(['rm', '-rf', partial]);
    if (!(await exists(target))) throw error; // else another run was faster
  });
  return target;
};
