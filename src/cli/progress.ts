import { Chalk } from 'chalk';
import ora from 'ora';
import { plainLines } from '../model/parse.ts';

/** Reports what happens, one step at a time. */
export interface Progress {
  /** begins a step, such as `Capturing` */
  start: (text: string) => void;
  /** reports how far the step is */
  update: (text: string) => void;
  /** ends the step; `text` is the result */
  done: (text: string) => void;
  /** ends the current step, if there is one, as failed */
  fail: (reason: string) => void;
  /** reports a result while the step goes on */
  report: (result: 'ok' | 'failed', text: string) => void;
  warn: (text: string) => void;
  /** prints a line as it is, so it may have colours */
  note: (text: string) => void;
}

/** Whatever a text contains, such as a name from the cluster, the terminal only shows it. */
export const createProgress = (stream: NodeJS.WriteStream, smart: boolean, style: Style): Progress => {
  const { start, update, done, fail, report, warn, note } = smart ? spinner(stream, style) : logLines(stream, style);
  return {
    start: (text) => start(plainLines(text)),
    update: (text) => update(plainLines(text)),
    done: (text) => done(plainLines(text)),
    fail: (reason) => fail(plainLines(reason)),
    report: (result, text) => report(result, plainLines(text)),
    warn: (text) => warn(plainLines(text)),
    note,
  };
};

/** Reports nothing. */
export const QUIET: Progress = {
  start: () => {},
  update: () => {},
  done: () => {},
  fail: () => {},
  report: () => {},
  warn: () => {},
  note: () => {},
};

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
    report: (result, text) => between(style[result], text),
    warn: (text) => between(style.warning, text),
    note: (text) => between('', text),
  };
};

const UPDATE_INTERVAL = 10_000;

/** For log files: nothing is redrawn, and updates are rare. */
const logLines = (stream: NodeJS.WriteStream, style: Style): Progress => {
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
    report: (result, text) => write(` ${style[result]} ${text}`),
    warn: (text) => write(` ${style.warning} ${text}`),
    note: write,
  };
};

/** Colours for standard error, or plain text. */
export interface Style {
  ok: string;
  failed: string;
  warning: string;
  error: (text: string) => string;
  hint: (text: string) => string;
}

/** Sets the level, because chalk ignores NO_COLOR. */
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
