import { createProgress, createStyle, type Progress, type Style } from './progress.ts';

/** The outside world of a command; everything below gets values instead of `process`. */
export interface Context {
  /** writes a line of the result to standard output */
  print: (line: string) => void;
  /** tells people on standard error what happens */
  progress: Progress;
  style: Style;
  /** aborted with Interrupted on Ctrl-C and SIGTERM */
  signal: AbortSignal;
  env: Readonly<Record<string, string | undefined>>;
  stdin: AsyncIterable<Buffer | string>;
  /** `linux/amd64`: what this machine is */
  platform: string;
  /** the file that is being run */
  script: string;
  now: () => number;
}

/**
 * A terminal that can redraw and colour; NO_COLOR asks for plain text, so it gets no escape codes at all. Where nobody
 * told the terminal its width, ora would take every line for infinitely many and erase them all.
 */
const isSmart = (stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean =>
  stream.isTTY && stream.columns > 0 && !env.NO_COLOR && !env.CI && env.TERM !== 'dumb';

export const processContext = (signal: AbortSignal): Context => {
  const { env, stdin, stdout, stderr, argv, arch } = process;
  const smart = isSmart(stderr, env);
  const style = createStyle(smart);
  return {
    print: (line) => stdout.write(`${line}\n`),
    progress: createProgress(stderr, smart, style),
    style,
    signal,
    env,
    stdin,
    platform: `linux/${arch === 'x64' ? 'amd64' : arch}`,
    script: argv[1] ?? '',
    now: Date.now,
  };
};
