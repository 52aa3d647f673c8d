import leven from 'leven';
import { USAGE_NAME } from '../model/names.ts';

/** A command line that yargs refused. */
interface RefusedLine {
  argv: readonly string[];
  /** of this program */
  verbs: readonly string[];
  /** of its verb, such as `create NAME [IMAGE...]` */
  usage: string;
}

/** What yargs says is wrong with a command line, in kubectl's words. */
export const usageMessage = (message: string, line: RefusedLine): string => {
  for (const [pattern, translate] of TRANSLATIONS) {
    const match = pattern.exec(message);
    if (match) return translate(match[1] ?? '', line);
  }
  return message;
};

type Translate = (detail: string, line: RefusedLine) => string;

const list = (text: string): string[] => text.split(', ');

const unexpected = (names: readonly string[]): string => `unexpected arguments: [${names.join(' ')}]`;

const TRANSLATIONS: [RegExp, Translate][] = [
  [
    /^Unknown commands?: (.*)$/,
    (detail, { argv, verbs }) => {
      const [verb = ''] = argv;
      if (verbs.includes(verb)) return unexpected(list(detail));
      const similar = verbs.filter((known) => known.length > 1 && isSimilar(verb, known));
      const suggestion =
        similar.length > 0 ? `\n\nDid you mean this?\n${similar.map((one) => `\t${one}\n`).join('')}` : '';
      return `unknown command "${verb}" for "${USAGE_NAME}"${suggestion}`;
    },
  ],
  [
    /^Unknown arguments?: (.*)$/,
    (detail, { argv }) => {
      const names = list(detail);
      const [flag = ''] = names.filter((name) => flagOf(name, argv));
      return flag ? `unknown ${flagOf(flag, argv)}` : unexpected(names);
    },
  ],
  [
    /^Not enough arguments following: (.*)$/,
    (name) => `flag needs an argument: ${name.length === 1 ? `'${name}' in -${name}` : `--${name}`}`,
  ],
  [
    /^Missing required arguments?: (.*)$/,
    (detail) =>
      `required flag(s) ${list(detail)
        .map((name) => `"${name}"`)
        .join(', ')} not set`,
  ],
  [
    /^Not enough non-option arguments: got (\d+)/,
    (count, { usage }) => `exactly one ${/\b[A-Z]+\b/.exec(usage)?.[0] ?? 'argument'} is required, got ${count}`,
  ],
  [
    /^Invalid values: (.*)$/,
    (detail) => {
      const [, name, given, choices = ''] = /^Argument: (\S+), Given: (".*?"), Choices: (.*)$/.exec(detail) ?? [];
      if (name === undefined) return detail;
      const what = name === name.toUpperCase() ? `${name} ${given}` : `argument ${given} for "--${name}"`;
      return `invalid ${what}: must be one of ${choices.replaceAll('"', '')}`;
    },
  ],
];

/** `flag: --name` or `shorthand flag: 'n' in -n`, as it was typed; undefined if `name` was no flag. */
const flagOf = (name: string, argv: readonly string[]): string | undefined => {
  if (argv.some((word) => word === `--${name}` || word.startsWith(`--${name}=`))) return `flag: --${name}`;
  const short = argv.find((word) => /^-[^-]/.test(word) && word.includes(name));
  return short && `shorthand flag: '${name}' in ${short}`;
};

/** As kubectl suggests commands: at most two letters differ, or one begins with the other. */
const isSimilar = (typed: string, known: string): boolean =>
  known.startsWith(typed) || typed.startsWith(known) || leven(typed, known) <= 2;
