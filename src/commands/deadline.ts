import type { Context } from '../cli/context.ts';
import { PreloadError } from '../model/errors.ts';
import { formatAge } from '../model/units.ts';

/** What the first Ctrl-C is answered with, while what was made is removed. */
export const interruptionNote = (cleanUpCommand: string): string =>
  `Interrupted, cleaning up. Press Ctrl-C again to stop now; then clean up with: ${cleanUpCommand}`;

/** Does `work`, for which it has `timeout` milliseconds: then the signal of its context is aborted. */
export const withDeadline = async (
  timeout: number,
  context: Context,
  work: (context: Context) => Promise<void>,
): Promise<void> => {
  const late = new AbortController();
  const tooLate = new PreloadError(`timed out after ${formatAge(timeout)}`, 'raise --timeout');
  const timer = setTimeout(() => late.abort(tooLate), timeout);
  try {
    await work({ ...context, signal: AbortSignal.any([context.signal, late.signal]) });
  } catch (error) {
    context.progress.fail((error as Error).message);
    throw error;
  } finally {
    clearTimeout(timer);
  }
};
