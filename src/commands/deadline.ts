import type { Context } from '../cli/context.ts';
import { HOLD_SECONDS } from '../manifests/loader-pod.ts';
import { TimedOut } from '../model/errors.ts';
import { formatAge } from '../model/units.ts';

/** When everything that a command with this time limit creates is no longer in use; both in milliseconds. */
export const endOfRun = (timeout: number, now: number): string =>
  new Date(now + timeout + HOLD_SECONDS * 1000).toISOString();

/** Does `work`. After `timeout` milliseconds the signal of its context is aborted with TimedOut. */
export const withDeadline = async <T>(
  timeout: number,
  context: Context,
  work: (context: Context) => Promise<T>,
): Promise<T> => {
  const late = new AbortController();
  const tooLate = new TimedOut(`timed out after ${formatAge(timeout)}`, 'raise --timeout');
  const timer = setTimeout(() => late.abort(tooLate), timeout);
  try {
    return await work({
      ...context,
      signal: AbortSignal.any([context.signal, late.signal]),
      deadline: context.now() + timeout,
    });
  } catch (error) {
    context.progress.fail((error as Error).message);
    throw error;
  } finally {
    clearTimeout(timer);
  }
};
