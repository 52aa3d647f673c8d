import { basename } from 'node:path';
import { until } from '../../cluster/machine/until.ts';
import type { SystemdMachine } from '../../harness/systemd-machine.ts';

/** What restore.sh and swap.sh change a disk with; what the shell itself writes lies between two of these. */
const COMMANDS = ['cp', 'ln', 'mkdir', 'mv', 'rm', 'sync', 'systemctl', 'tar'].map((name) => `/usr/bin/${name}`);

// calls at the same time must not get the same number
const STEP = `#!/bin/sh
[ -e /run/steps ] || exec COMMAND "$@"
number=$(flock /run/steps-lock sh -c 'echo "$0" >>/run/steps; wc -l </run/steps' "NAME $*")
[ "$number" != "$(cat /run/stop-at)" ] || { true >/run/stopped; sleep 1000; }
exec COMMAND "$@"
`;

/** Puts programs before those of the machine that can stop at any of their calls. */
export const installSteps = async (machine: SystemdMachine): Promise<void> => {
  for (const command of COMMANDS) {
    const name = basename(command);
    await machine.write(`/usr/local/sbin/${name}`, STEP.replaceAll('COMMAND', command).replaceAll('NAME', name));
    await machine.run(['/usr/bin/chmod', '+x', `/usr/local/sbin/${name}`]);
  }
};

/** The calls that changed the disk since `stopAt`. */
export const steps = async (machine: SystemdMachine): Promise<string[]> =>
  (await machine.run(['cat', '/run/steps'])).stdout.trim().split('\n');

/** Lets the call with this number, from 1 on, wait for ever. */
export const stopAt = async (machine: SystemdMachine, number: number): Promise<void> => {
  await machine.run(['/usr/bin/rm', '-f', '/run/stopped']); // of what an earlier restore left in the background
  await machine.write('/run/stop-at', String(number));
  await machine.write('/run/steps', '');
};

/** Waits for the call; false if the machine did all without it. */
export const stopped = async (machine: SystemdMachine, ended: Promise<unknown>): Promise<boolean> => {
  let isOver = false;
  ended.finally(() => {
    isOver = true;
  });
  const has = async () => (await machine.run(['test', '-e', '/run/stopped'])).code === 0;
  await until('the end of a restore, or a stop on the way', async () => isOver || (await has()));
  return has();
};
