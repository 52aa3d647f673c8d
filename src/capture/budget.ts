import { PreloadError } from '../model/errors.ts';
import { formatAge } from '../model/units.ts';

/** A time limit for what can be skipped. */
export interface Budget {
  /** Runs `work` with a signal that also aborts when the time is over; throws PreloadError then. */
  within: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

/** Starts to count `ms` milliseconds; without them there is no limit but `signal`. */
export const startBudget = (ms: number | undefined, signal: AbortSignal): Budget => {
  if (ms === undefined) return { within: (work) => work(signal) };
  const over = AbortSignal.timeout(ms);
  const either = AbortSignal.any([signal, over]);
  return {
    within: async (work) => {
      try {
        return await work(either);
      } catch (error) {
        signal.throwIfAborted();
        if (!over.aborted) throw error;
        throw new PreloadError(
          `did not arrive within ${formatAge(ms)}; raise --timeout, or leave it out with --exclude`,
        );
      }
    },
  };
};
