import { Chalk } from 'chalk';
import ora from 'ora';
import { plainLines } from '../model/parse.ts';

interface Count {
  done: number;
  total: number;
}

/** How far a step is, for machines. */
export interface Measure {
  /** for people, behind the text; a failure is reported without it */
  counter?: string;
  images?: Count;
  layers?: Count;
  /** the total is not always known */
  bytes?: { done: number; total?: number };
  /** seconds */
  elapsed?: number;
  /** seconds until the step is done, as estimated */
  left?: number;
  /** seconds until --timeout ends the command */
  timeout?: number;
}

/** Why a command failed, for machines. */
export interface Failure {
  message: string;
  hint?: string | undefined;
}

/** Reports what happens, one step at a time. */
export interface Progress {
  /** begins a step, such as `Capturing` */
  start: (text: string) => void;
  /** reports how far the step is */
  update: (text: string, measure?: Measure) => void;
  /** ends the step; `text` is the result */
  done: (text: string) => void;
  /** ends the current step, if there is one, as failed */
  fail: (reason: string) => void;
  /** reports a result while the step goes on */
  report: (result: 'ok' | 'failed', text: string) => void;
  warn: (text: string) => void;
  /** prints a line as it is, so it may have colours */
  note: (text: string) => void;
  /** prints why the command failed; `text` is for people */
  error: (text: string, failure: Failure) => void;
}

/** Whatever a text contains, such as a name from the cluster, the terminal only shows it. */
export const createProgress = (stream: NodeJS.WriteStream, smart: boolean, style: Style): Progress => {
  const { start, update, done, fail, report, warn, note, error } = smart
    ? spinner(stream, style)
    : logLines(stream, style);
  return {
    start: (text) => start(plainLines(text)),
    update: (text, measure) => update(plainLines(text), measure),
    done: (text) => done(plainLines(text)),
    fail: (reason) => fail(plainLines(reason)),
    report: (result, text) => report(result, plainLines(text)),
    warn: (text) => warn(plainLines(text)),
    note,
    error,
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
  error: () => {},
};

/** The text as people see it. */
export const withCounter = (text: string, { counter }: Measure = {}): string =>
  counter ? `${text} · ${counter}` : text;

const spinner = (stream: NodeJS.WriteStream, style: Style): Progress => {
  const spin = ora({ stream, discardStdin: false, isEnabled: true });
  let current = '';
  const end = (symbol: string, text: string) => spin.stopAndPersist({ symbol, text });
  const between = (symbol: string, text: string) => {
    const { isSpinning, text: shown } = spin;
    end(symbol, text);
    if (isSpinning) spin.start(shown);
  };
  return {
    start: (text) => {
      current = text;
      spin.start(text);
    },
    update: (text, measure) => {
      current = text;
      spin.text = withCounter(text, measure);
    },
    done: (text) => end(style.ok, text),
    fail: (reason) => spin.isSpinning && end(style.failed, `${current}: ${reason}`),
    report: (result, text) => between(style[result], text),
    warn: (text) => between(style.warning, text),
    note: (text) => between('', text),
    error: (text) => between('', text),
  };
};

const UPDATE_INTERVAL = 10_000;

/** For log files: nothing is redrawn, and updates are rare, unless what is counted changes. */
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
    update: (text, measure) => {
      const isNew = measure?.counter !== undefined && text !== current;
      current = text;
      if (isNew || Date.now() - lastLine >= UPDATE_INTERVAL) write(` • ${withCounter(text, measure)} ...`);
    },
    done: (text) => end(` ${style.ok} ${text}`),
    fail: (reason) => current && end(` ${style.failed} ${current}: ${reason}`),
    report: (result, text) => write(` ${style[result]} ${text}`),
    warn: (text) => write(` ${style.warning} ${text}`),
    note: write,
    error: write,
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
