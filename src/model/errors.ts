/** Something the user can understand and remedy: printed as `error: message` and `hint: hint`, without a stack. */
export class PreloadError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string, cause?: unknown) {
    super(message, { cause });
    this.hint = hint;
  }
}

/** A wrong command line: kubectl points to the help of the command and prints nothing more. */
export class UsageError extends Error {}

/** The user or the system stopped the command. */
export class Interrupted extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM';
  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('interrupted');
    this.signal = signal;
  }
}
