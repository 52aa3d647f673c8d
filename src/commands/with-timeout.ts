import type { Context } from '../cli/context.ts';
import { formatAge } from '../model/duration.ts';
import { PreloadError } from '../model/errors.ts';

/** Does `work`, whose signal is also aborted after `timeout` milliseconds; a failure ends the step under way. */
export const withTimeout = async (
  context: Context,
  timeout: number,
  work: (limited: Context) => Promise<void>,
): Promise<void> => {
  const limit = new AbortController();
  const tooLate = new PreloadError(`timed out after ${formatAge(timeout)}`, 'raise --timeout');
  const timer = setTimeout(() => limit.abort(tooLate), timeout);
  try {
    await work({ ...context, signal: AbortSignal.any([context.signal, limit.signal]) });
  } catch (error) {
    context.progress.fail((error as Error).message);
    throw error;
  } finally {
    clearTimeout(timer);
  }
};
