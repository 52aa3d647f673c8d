import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { PreloadError } from '../model/errors.ts';

/** A command that failed; the message is the last line that it printed to standard error. */
export class CommandFailed extends PreloadError {
  readonly code: number | NodeJS.Signals | null;
  constructor(message: string, argv: readonly string[], code: number | NodeJS.Signals | null) {
    const isOnNode = argv[0] === 'chroot';
    const command = argv.slice(isOnNode ? 2 : 0).join(' ');
    super(message, `to see why, run${isOnNode ? ' on the node' : ''}: ${command.slice(0, MAX_SHOWN)}`);
    this.code = code;
  }
}

const MAX_SHOWN = 300; // letters of a command line
/** Code of a command that does not exist, as in shells. */
export const NOT_FOUND = 127;

/** How to run `ctr` against one containerd: everything before the subcommand. */
export type Ctr = readonly string[];

/** Returns the command line that runs `argv` on the node at `root`; `/` is this machine. */
export const inNode = (root: string, argv: readonly string[]): string[] =>
  root === '/' ? [...argv] : ['chroot', root, ...argv];

/** Splits a command or flags at spaces. */
export const splitWords = (text: string): string[] => text.split(/\s+/).filter(Boolean);

let trace: ((line: string) => void) | undefined;

/** Logs every command with its exit code and standard error. Command lines contain no secrets. */
export const traceCommands = (log: (line: string) => void): void => {
  trace = log;
};

interface RunOptions {
  /** for standard input: text, or a seekable open file */
  input?: string | number;
  env?: NodeJS.ProcessEnv;
  /** open file that the command gets as descriptor 3 */
  file?: number;
  /** open file for standard output; `run` then returns an empty buffer */
  output?: number;
}

/** Runs `argv` and returns its standard output. Throws CommandFailed. */
export const run = async (
  argv: readonly string[],
  signal?: AbortSignal,
  { input = '', env, file, output: into }: RunOptions = {},
): Promise<Buffer> => {
  const [command = '', ...args] = argv;
  const stdin = typeof input === 'string' ? 'pipe' : input;
  const child = spawn(command, args, {
    stdio: [stdin, into ?? 'pipe', 'pipe', ...(file === undefined ? [] : [file])],
    ...(signal && { signal }),
    ...(env && { env }),
  });
  child.stdin?.on('error', () => {}); // a command that exits early reports why
  child.stdin?.end(input);
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  await success(child, argv, signal);
  return Buffer.concat(output);
};

/** Resolves when `child`, which runs `argv`, has ended well. Throws CommandFailed. */
const success = async (child: ChildProcess, argv: readonly string[], signal?: AbortSignal): Promise<void> => {
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4096);
  });
  const code = await ended(child).catch(whyNotStarted(argv));
  signal?.throwIfAborted();
  trace?.(`${argv.join(' ')}: ${code}${complaint && `\n${complaint.trim()}`}`);
  if (code !== 0) throw new CommandFailed(lastLine(complaint) || `${argv[0]} failed with ${code}`, argv, code);
};

/** What the pieces of a stream pass through on their way. */
export type Passage = (pieces: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** Runs `from` and passes its standard output through `passage` to the standard input of `to`. Throws CommandFailed. */
export const runPiped = async (
  from: readonly string[],
  to: readonly string[],
  passage: Passage,
  signal: AbortSignal,
): Promise<void> => {
  const [command = '', ...args] = from;
  const [consumer = '', ...itsArgs] = to;
  const source = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  const sink = spawn(consumer, itsArgs, { stdio: ['pipe', 'ignore', 'pipe'], signal });
  const failures: unknown[] = [];
  const note = (error: unknown) => void failures.push(error);
  await Promise.all([
    pipeline(source.stdout, passage, sink.stdin, { signal }).catch(() => {}), // a command that ends early reports why
    success(source, from, signal).catch(note),
    success(sink, to, signal).catch(note),
  ]);
  if (failures.length > 0) throw failures.find((error) => !isBrokenPipe(error)) ?? failures[0];
};

/** Whether a command failed only because another one did, which read from it. */
const isBrokenPipe = (error: unknown): boolean =>
  error instanceof CommandFailed &&
  (error.code === 'SIGPIPE' || /(broken pipe|connection reset by peer)$/i.test(error.message));

interface BoundedOptions extends Required<Pick<RunOptions, 'env'>> {
  /** for standard input */
  input: string;
  milliseconds: number;
  /** of standard output */
  bytes: number;
}

/**
 * Runs a program that may hang, or print without end, or print secrets. Returns its standard output; nobody sees its
 * standard error. If it exceeds a limit or `signal` aborts, it is killed with all processes that it started. Throws
 * CommandFailed.
 */
export const runBounded = async (
  argv: readonly string[],
  signal: AbortSignal,
  { input, env, milliseconds, bytes }: BoundedOptions,
): Promise<Buffer> => {
  signal.throwIfAborted();
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env, detached: true }); // a group of its own
  const output: Buffer[] = [];
  let size = 0;
  const stop = (): void => {
    killGroup(child);
    child.stdout.destroy(); // a process that left the group may still have the other end open
  };
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > bytes) stop();
    else output.push(chunk);
  });
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]);
  bounded.addEventListener('abort', stop);
  const code = await ended(child).finally(() => bounded.removeEventListener('abort', stop));
  signal.throwIfAborted();
  trace?.(`${argv.join(' ')}: ${code}`);
  if (code === 0 && size <= bytes && !bounded.aborted) return Buffer.concat(output);
  throw new CommandFailed(`${command} failed with ${code}`, argv, code);
};

interface UserOptions extends Required<Pick<RunOptions, 'env'>> {
  /** the program may read our standard input */
  interactive: boolean;
  /** nobody waits for the program: it gets no terminal, and is killed when this is aborted */
  unattended?: AbortSignal | undefined;
}

/**
 * Runs a program that may talk to the user, who sees its standard error. Returns its standard output. Throws
 * CommandFailed.
 */
export const runForUser = async (argv: readonly string[], options: UserOptions): Promise<Buffer> => {
  const { env, interactive, unattended } = options;
  const [command = '', ...args] = argv;
  const stdin = interactive ? 'inherit' : 'ignore';
  const child = spawn(command, args, {
    stdio: [stdin, 'pipe', unattended ? 'ignore' : 'inherit'],
    env,
    detached: unattended !== undefined, // a new session, which has no terminal
  });
  unattended?.addEventListener('abort', () => killGroup(child));
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await ended(child).catch(whyNotStarted(argv));
  if (code === 0) return Buffer.concat(output);
  throw new CommandFailed(`${command} failed with ${code}`, argv, code);
};

const killGroup = ({ pid }: ChildProcess): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {} // all have ended
};

/** Starts a daemon that logs to `logFile`. Stop it with `stopDaemon`. */
export const startDaemon = (argv: readonly string[], logFile: string): ChildProcess => {
  const [command = '', ...args] = argv;
  const log = openSync(logFile, 'w');
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  closeSync(log); // an open writable file, even a deleted one, prevents a read-only remount of the volume
  return child;
};

/** Sends SIGTERM to `child`, and SIGKILL after 10 s. Resolves when it has exited. */
export const stopDaemon = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = ended(child).catch(() => {});
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(force);
};

const ended = (child: ChildProcess): Promise<number | NodeJS.Signals | null> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killedBy) => resolve(code ?? killedBy));
  });

const whyNotStarted =
  (argv: readonly string[]) =>
  (error: NodeJS.ErrnoException): never => {
    if (error.code !== 'ENOENT') throw error;
    throw new CommandFailed(`${argv[0]} not found`, argv, NOT_FOUND);
  };

const lastLine = (text: string): string =>
  text
    .trim()
    .split('\n')
    .filter((line) => !/^time="|^tar: (Exiting|Error is not recoverable)/.test(line))
    .at(-1)
    ?.replace(/^ctr: /, '') ?? '';

/** Whether an error means the volume is full. */
export const isVolumeFull = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC' ||
  (error instanceof CommandFailed && /no space left on device/i.test(error.message));
