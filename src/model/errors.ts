/** An error that the user can fix: printed as `error: message` and `hint: hint`, without a stack. */
export class PreloadError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string, cause?: unknown) {
    super(message, { cause });
    this.hint = hint;
  }
}

/** Why something failed, without the code and the call that Node adds: `no such file or directory: /etc/x`. */
export const reasonOf = ({ message }: Error): string =>
  message.replace(/\bE[A-Z0-9]+: (.*), \w+(?: '(.*)')?$/, (_, what, path) => (path ? `${what}: ${path}` : what));

/** The --timeout of the command has passed. */
export class TimedOut extends PreloadError {}

/** A new preload cannot have its name, because an object of it exists already. */
export class NameTaken extends PreloadError {}

/** A wrong command line: printed with a pointer to the help of the command, as kubectl does. */
export class UsageError extends Error {}

/** A failed request to the API server; `reason` is machine-readable, such as `NotFound`, and empty if no answer came. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  /** milliseconds after which the server would like to be asked again */
  readonly retryAfter: number | undefined;
  constructor(code: number, reason: string, message: string, retryAfter?: number) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** The connection to the API server was there, and broke before the whole answer had come. */
export class BrokenAnswer extends ApiError {
  constructor(message: string) {
    super(0, '', message);
  }
}

/** The API server did not answer within --request-timeout. */
export class AnswerTimeout extends PreloadError {}

/** The API server's answer has more bytes than were asked for at most. */
export class AnswerTooLarge extends PreloadError {}

/** The API server rejected the credentials. */
export class Unauthorized extends PreloadError {}

/** What was compared differs: not a failure, but an exit code of its own. */
export class Differences extends Error {}

/** The user or the system stopped the command. */
export class Interrupted extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM';
  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('interrupted');
    this.signal = signal;
  }
}
