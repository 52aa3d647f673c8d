import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CACHE, clusterId } from '../state.ts';

/** Lets only one harness at a time work on the cluster in this folder; a killed harness releases its lock. */
export const inTurn = async (folder: string, work: () => Promise<void>): Promise<void> => {
  await mkdir(CACHE, { recursive: true });
  const lock = join(CACHE, `${clusterId(folder)}.lock`);
  const holder = spawn('flock', ['--close', lock, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  await work().finally(() => holder.stdin.end());
};
