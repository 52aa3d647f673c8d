import type { Context } from '../cli/context.ts';
import { TimedOut } from '../model/errors.ts';
import { formatAge } from '../model/units.ts';

/** Does `work`. After `timeout` milliseconds the signal of its context is aborted with TimedOut. */
export const withDeadline = async (
  timeout: number,
  context: Context,
  work: (context: Context) => Promise<void>,
): Promise<void> => {
  const late = new AbortController();
  const tooLate = new TimedOut(`timed out after ${formatAge(timeout)}`, 'raise --timeout');
  const timer = setTimeout(() => late.abort(tooLate), timeout);
  try {
    await work({
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
