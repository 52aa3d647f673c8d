import { ApiError, Interrupted, PreloadError, UsageError } from '../model/errors.ts';
import { USAGE_NAME } from '../model/names.ts';
import type { Style } from './progress.ts';

/** Exit codes as shells and kubectl use them. */
export const exitCode = (error: unknown): number => {
  if (!(error instanceof Interrupted)) return 1;
  return error.signal === 'SIGINT' ? 130 : 143;
};

/** Text for the user, in kubectl's forms; with a stack only if it is a bug in this tool. */
export const describeFailure = (error: unknown, command: string, style: Style): string | undefined => {
  if (error instanceof Interrupted) return undefined;
  const label = style.error('error:');
  if (error instanceof UsageError) {
    return `${label} ${error.message}\nSee '${[USAGE_NAME, command].join(' ').trim()} -h' for help and examples`;
  }
  if (error instanceof ApiError)
    return error.reason ? `Error from server (${error.reason}): ${error.message}` : error.message;
  if (error instanceof PreloadError) {
    return `${label} ${error.message}${error.hint ? `\n${style.hint('hint:')} ${error.hint}` : ''}`;
  }
  return `${label} ${error instanceof Error ? error.stack : String(error)}\nThis is a bug in ${USAGE_NAME}; please report it.`;
};
