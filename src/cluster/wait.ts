import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, isTransient } from '../model/errors.ts';

const INTERVAL = 300;

/** Waits `ms` milliseconds. Throws the abort reason of `signal`, and not the error of the timer. */
export const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
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

const PAUSES = [500, 1000, 2000, 4000, 8000];
const LONGEST_PAUSE = 30_000;

/** Repeats `request` a few times while the server is busy or restarting. Throws its last error. */
export const retry = async <T>(signal: AbortSignal, request: () => Promise<T>): Promise<T> => {
  for (const usual of PAUSES) {
    try {
      return await request();
    } catch (error) {
      if (!isTransient(error)) throw error;
      const wanted = error instanceof ApiError ? error.retryAfter : undefined;
      await pause(Math.min(wanted ?? usual, LONGEST_PAUSE), signal);
    }
  }
  return request();
};
