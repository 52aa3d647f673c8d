import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until the probe holds; throws naming `what` after the given seconds. A probe that throws ends the wait at once. */
export const until = async (what: string, probe: () => Promise<boolean> | boolean, seconds = 60): Promise<void> => {
  const deadline = Date.now() + seconds * 1000;
  while (!(await probe())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(100);
  }
};
