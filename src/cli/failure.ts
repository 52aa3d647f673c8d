import { ApiError, Differences, Interrupted, PreloadError, UsageError } from '../model/errors.ts';
import { USAGE_NAME } from '../model/names.ts';
import { plainLines } from '../model/parse.ts';
import type { Failure, Style } from './progress.ts';

const WITH_DIFFERENCES = 'diff';

/** Exit codes as shells and kubectl use them: 1 of `diff` means differences, so that its failures need another one. */
export const exitCode = (error: unknown, command: string): number => {
  if (error instanceof Differences) return 1;
  if (!(error instanceof Interrupted)) return command === WITH_DIFFERENCES ? 2 : 1;
  return error.signal === 'SIGINT' ? 130 : 143;
};

/** The same for programs. */
export const failureOf = (error: unknown): Failure => {
  const { message } = error instanceof Error ? error : { message: String(error) };
  return { message, ...(error instanceof PreloadError && error.hint && { hint: error.hint }) };
};

/** Text for the user, in kubectl's forms; with a stack only if it is a bug in this tool. */
export const describeFailure = (error: unknown, command: string, style: Style): string | undefined => {
  if (error instanceof Interrupted || error instanceof Differences) return undefined;
  const label = style.error('error:');
  if (error instanceof UsageError) {
    return `${label} ${error.message}\nSee '${[USAGE_NAME, command].join(' ').trim()} -h' for help and examples`;
  }
  if (error instanceof ApiError)
    return plainLines(error.reason ? `Error from server (${error.reason}): ${error.message}` : error.message);
  if (error instanceof PreloadError) {
    const hint = error.hint ? `\n${style.hint('hint:')} ${plainLines(error.hint)}` : '';
    return `${label} ${plainLines(error.message)}${hint}`;
  }
  const stack = plainLines(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return `${label} ${stack}\nThis is a bug in ${USAGE_NAME}; please report it.`;
};
