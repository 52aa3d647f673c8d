import { createInterface } from 'node:readline';
import { createProgress, createStyle, type Progress, type Style } from './progress.ts';
import { createEvents } from './progress-events.ts';

/** The outside world of a command, so that nothing else needs `process`. */
export interface Context {
  /** writes a line of the result to standard output */
  print: (line: string) => void;
  /** reports to people on standard error */
  progress: Progress;
  /** of standard error */
  style: Style;
  /** of standard output */
  resultStyle: Style;
  /** aborted with Interrupted on Ctrl-C and SIGTERM */
  signal: AbortSignal;
  env: Readonly<Record<string, string | undefined>>;
  stdin: AsyncIterable<Buffer | string>;
  /** asks the user and returns the answer, which may be empty; undefined without a terminal */
  ask?: (question: string) => Promise<string>;
  /** of this machine, such as `linux/amd64` */
  platform: string;
  /** of Node.js, such as `v22.19.0` */
  nodeVersion: string;
  /** path of the program */
  script: string;
  now: () => number;
  /** when --timeout ends the command, in milliseconds as `now` */
  deadline?: number;
}

/**
 * A terminal that can redraw and colour. With NO_COLOR it gets no escape codes at all. If the terminal has no width, ora
 * assumes infinite lines and erases too much.
 */
const canRedraw = (stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean =>
  stream.isTTY && stream.columns > 0 && !env.NO_COLOR && !env.CI && env.TERM !== 'dumb';

/** The terminal stays as it is, so that Ctrl-C remains a signal. */
const askOnTerminal = async (question: string, signal: AbortSignal): Promise<string> => {
  const { stdin, stderr } = process;
  const lines = createInterface({ input: stdin, terminal: false, signal });
  stderr.write(question);
  const answer = await new Promise<string>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
  lines.close();
  signal.throwIfAborted();
  return answer;
};

/** With `reports` set to events, everything on standard error is JSON. */
export const processContext = (signal: AbortSignal, reports: 'text' | 'events' = 'text'): Context => {
  const { env, stdin, stdout, stderr, argv, arch, version } = process;
  const smart = reports === 'text' && canRedraw(stderr, env);
  const style = createStyle(smart);
  return {
    print: (line) => stdout.write(`${line}\n`),
    progress:
      reports === 'events'
        ? createEvents((line) => stderr.write(`${line}\n`), Date.now)
        : createProgress(stderr, smart, style),
    style,
    resultStyle: createStyle(canRedraw(stdout, env)),
    signal,
    env,
    stdin,
    ...(stdin.isTTY &&
      stderr.isTTY &&
      reports === 'text' && { ask: (question: string) => askOnTerminal(question, signal) }),
    platform: `linux/${arch === 'x64' ? 'amd64' : arch}`,
    nodeVersion: version,
    script: argv[1] ?? '',
    now: Date.now,
  };
};
