import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL = 100; // milliseconds

/** The largest value that `read` returns while `work` runs. */
export const sample = async (read: () => Promise<number>, work: () => Promise<unknown>): Promise<number> => {
  let peak = 0;
  let ended = false;
  const watching = (async () => {
    while (!ended) {
      peak = Math.max(peak, await read());
      await sleep(INTERVAL);
    }
  })();
  await work().finally(() => {
    ended = true;
  });
  await watching;
  return peak;
};
