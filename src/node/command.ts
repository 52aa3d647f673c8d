import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** A finished command that did not end well; the message is the last thing it said. */
export class CommandFailed extends Error {
  readonly code: number | NodeJS.Signals | null;
  constructor(message: string, code: number | NodeJS.Signals | null) {
    super(message);
    this.code = code;
  }
}

/** How to run `ctr` against one containerd: everything that comes before the subcommand. */
export type Ctr = readonly string[];

/** `argv` as the node at `root` would run it; `/` is the machine this process is on. */
export const inNode = (root: string, argv: readonly string[]): string[] =>
  root === '/' ? [...argv] : ['chroot', root, ...argv];

/** The words of a command or of flags that somebody gave as one text. */
export const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

let trace: ((line: string) => void) | undefined;

/** Lets `log` hear of every command that is run and of what it said; no command line has a secret. */
export const traceCommands = (log: (line: string) => void): void => {
  trace = log;
};

interface RunOptions {
  /** for its standard input: a text, or an open file that can be sought in */
  input?: string | number;
  env?: NodeJS.ProcessEnv;
  /** an open file that it gets as number 3 */
  file?: number;
  /** an open file for its standard output, of which nothing is returned then */
  output?: number;
}

/** Runs `argv` to its end and returns its standard output; throws CommandFailed. */
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
  child.stdin?.on('error', () => {}); // a command that ends early says why itself
  child.stdin?.end(input);
  const output: Buffer[] = [];
  let complaint = '';
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4096);
  });
  const code = await ended(child);
  signal?.throwIfAborted();
  trace?.(`${argv.join(' ')}: ${code}${complaint && `\n${complaint.trim()}`}`);
  if (code === 0) return Buffer.concat(output);
  throw new CommandFailed(lastWords(complaint) || `${command} ended with ${code}`, code);
};

/** Starts a daemon that writes to `logFile`; it ends with `stop`. */
export const startDaemon = (argv: readonly string[], logFile: string): ChildProcess => {
  const [command = '', ...args] = argv;
  const log = openSync(logFile, 'w');
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  closeSync(log); // a writable file kept open, even a deleted one, would keep the volume from becoming read-only
  return child;
};

/** Asks `child` to end, then makes it. Resolves when it is gone. */
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

const lastWords = (text: string): string =>
  text
    .trim()
    .split('\n')
    .filter((line) => !/^time="|^tar: (Exiting|Error is not recoverable)/.test(line))
    .at(-1)
    ?.replace(/^ctr: /, '') ?? '';

/** Words before a command that make it yield the processor and the disk, as far as the node has the tools. */
export const gentle = (root: string): Promise<string[]> =>
  available(root, [
    ['nice', '-n', '10'],
    ['ionice', '-c', '3'],
  ]);

/** Words before a command that end it with this process even where that is killed; in a pod all ends with it anyway. */
export const mortal = (root: string): Promise<string[]> => available(root, [['setpriv', '--pdeathsig', 'KILL']]);

const available = async (root: string, words: readonly string[][]): Promise<string[]> => {
  const there = await Promise.all(
    words.map((tool) =>
      run(inNode(root, [...tool, 'true'])).then(
        () => tool,
        () => [],
      ),
    ),
  );
  return there.flat();
};

/** Whether it was for want of space on the volume that something failed. */
export const isVolumeFull = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC' ||
  (error instanceof CommandFailed && /no space left on device/i.test(error.message));
