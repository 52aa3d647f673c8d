import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Cluster } from '../state.ts';
import { createGroup, inGroup, killGroup, members } from './cgroups.ts';
import { until } from './until.ts';

const GRACE_SECONDS = 5;

/** Leaves out the machine's proxy settings and the like, which must not affect a loopback cluster. */
export const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };

export const logFile = (cluster: Pick<Cluster, 'folder'>, name: string): string =>
  join(cluster.folder, 'logs', `${name}.log`);

export const group = (cluster: Pick<Cluster, 'id'>, name: string): string => join(cluster.id, name);

export const isRunning = async (cluster: Cluster, name: string): Promise<boolean> => {
  return (await members(group(cluster, name))).length > 0;
};

/** Starts a process that outlives the harness: in a cgroup of its own, output appended to its log. */
export const startDaemon = async (cluster: Cluster, name: string, argv: readonly string[]): Promise<void> => {
  await createGroup(group(cluster, name));
  const log = logFile(cluster, name);
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'a');
  const [command = '', ...args] = inGroup(group(cluster, name), argv);
  const child = spawn(command, args, {
    cwd: '/',
    detached: true,
    env: ENVIRONMENT,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  await new Promise((resolve, reject) => child.on('spawn', resolve).on('error', reject));
  child.unref();
  await until(`${name} in its cgroup`, async () => child.exitCode !== null || (await isRunning(cluster, name)));
};

export const stopDaemon = async (cluster: Cluster, name: string): Promise<void> => {
  await killGroup(group(cluster, name), GRACE_SECONDS);
};

/** The last lines of a daemon's log, for an error message. */
export const logTail = async (cluster: Cluster, name: string): Promise<string> => {
  const text = await readFile(logFile(cluster, name), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-5).join('\n');
};
