import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CACHE } from '../state.ts';
import { run } from './run.ts';

// one of our runs at a time, as an update fails instead of waiting; an installation also waits for other programs
const APT = ['flock', join(CACHE, 'apt.lock'), 'apt-get'];
const PATIENT = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];

let indexFresh = false;

/** Installs the Debian packages that are missing. */
export const ensurePackages = async (packages: readonly string[], log: (line: string) => void): Promise<void> => {
  const missing: string[] = [];
  for (const name of new Set(packages)) {
    if (!(await isInstalled(name))) missing.push(name);
  }
  if (missing.length === 0) return;
  log(`installing the missing Debian packages ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await mkdir(CACHE, { recursive: true });
  if (!indexFresh) await run([...APT, 'update', '-qq', ...PATIENT], { env });
  indexFresh = true;
  await run([...APT, 'install', '-y', '-qq', '--no-install-recommends', ...PATIENT, ...missing], { env });
};

const isInstalled = async (name: string): Promise<boolean> => {
  const status = await run(['dpkg', '--status', name]).catch(() => '');
  return status.includes('ok installed');
};
