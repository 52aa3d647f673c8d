import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeNodeFiles } from './node-folder.ts';

export interface DaemonSettings {
  args?: string[];
  env?: NodeJS.ProcessEnv;
}

/** Runs a daemon that does nothing on the node at `root` under `name`, as long as `use` lasts. */
export const whileRunning = async (
  root: string,
  name: string,
  { args = [], env = {} }: DaemonSettings,
  use: () => Promise<void>,
): Promise<void> => {
  await writeNodeFiles(root, { [`bin/${name}`]: '#!/bin/sh\necho up\nread -r line\n' });
  const daemon = spawn('chroot', [root, `/bin/${name}`, ...args], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(daemon, 'exit');
  try {
    await once(daemon.stdout, 'data');
    await use();
  } finally {
    daemon.stdin.end();
    await gone;
  }
};
