import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL = 300;

/** Calls `check` until it returns a result. Throws the abort reason of `signal`. */
export const poll = async <T>(signal: AbortSignal, check: () => Promise<T | undefined>): Promise<T> => {
  for (;;) {
    signal.throwIfAborted();
    const result = await check();
    if (result !== undefined) return result;
    await sleep(INTERVAL, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
};
