import { Chalk } from 'chalk';

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
