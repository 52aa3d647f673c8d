import { Chalk } from 'chalk';
import ora from 'ora';

/** Tells what happens, one step at a time. */
export interface Progress {
  /** begins a step; `text` says what is being done */
  start: (text: string) => void;
  /** says how far the step is */
  update: (text: string) => void;
  /** ends the step well; `text` says what is there now */
  done: (text: string) => void;
  /** ends the step, if one is under way, because it failed */
  fail: (reason: string) => void;
  warn: (text: string) => void;
  /** a line for people beside the steps, such as what to do next */
  note: (text: string) => void;
}

export const createProgress = (stream: NodeJS.WriteStream, smart: boolean, style: Style): Progress =>
  smart ? spinner(stream, style) : plainLines(stream, style);

const spinner = (stream: NodeJS.WriteStream, style: Style): Progress => {
  const spin = ora({ stream, discardStdin: false, isEnabled: true });
  const end = (symbol: string, text: string) => spin.stopAndPersist({ symbol, text });
  const between = (symbol: string, text: string) => {
    const { isSpinning, text: current } = spin;
    end(symbol, text);
    if (isSpinning) spin.start(current);
  };
  return {
    start: (text) => spin.start(text),
    update: (text) => {
      spin.text = text;
    },
    done: (text) => end(style.ok, text),
    fail: (reason) => spin.isSpinning && end(style.failed, `${spin.text}: ${reason}`),
    warn: (text) => between(style.warning, text),
    note: (text) => between('', text),
  };
};

const UPDATE_INTERVAL = 10_000;

/** For log files: nothing is redrawn, and updates come seldom. */
const plainLines = (stream: NodeJS.WriteStream, style: Style): Progress => {
  let current: string | undefined;
  let lastLine = 0;
  const write = (line: string) => {
    lastLine = Date.now();
    stream.write(`${line}\n`);
  };
  const end = (line: string) => {
    current = undefined;
    write(line);
  };
  return {
    start: (text) => {
      current = text;
      write(` • ${text} ...`);
    },
    update: (text) => {
      current = text;
      if (Date.now() - lastLine > UPDATE_INTERVAL) write(` • ${text} ...`);
    },
    done: (text) => end(` ${style.ok} ${text}`),
    fail: (reason) => current && end(` ${style.failed} ${current}: ${reason}`),
    warn: (text) => write(` ${style.warning} ${text}`),
    note: write,
  };
};

/** Colours for standard error; plain text where the terminal does not want any. */
export interface Style {
  ok: string;
  failed: string;
  warning: string;
  error: (text: string) => string;
  hint: (text: string) => string;
}

/** The level is set here because chalk does not look at NO_COLOR. */
export const createStyle = (colour: boolean): Style => {
  const chalk = new Chalk({ level: colour ? 1 : 0 });
  return {
    ok: chalk.green('✓'),
    failed: chalk.red('✗'),
    warning: chalk.yellow('!'),
    error: (text) => chalk.red(text),
    hint: (text) => chalk.cyan(text),
  };
};
