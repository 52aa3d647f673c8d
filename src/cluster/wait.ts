import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL = 1000;

/** Waits `ms` milliseconds. Throws the abort reason of `signal`, and not the error of the timer. */
export const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  await sleep(ms, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
};

/** Calls `check` until it returns a result. Throws the abort reason of `signal`. */
export const poll = async <T>(signal: AbortSignal, check: () => Promise<T | undefined>): Promise<T> => {
  for (;;) {
    signal.throwIfAborted();
    const result = await check();
    if (result !== undefined) return result;
    await pause(INTERVAL, signal);
  }
};
