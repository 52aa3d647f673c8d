import type { Argv } from 'yargs';
import { argumentChoices, type Flag, type HelpRow } from '../../cli/help.ts';
import { plain } from '../../model/parse.ts';
import type { Unfinished } from './words.ts';

/** A word that can stand where the user types. */
export interface Candidate {
  word: string;
  describe?: string;
}

/** What Cobra's scripts for shells do besides; kubectl passes it to them. */
export const DIRECTIVE = { files: 0, noFiles: 4, directories: 16 } as const;

export type Directive = (typeof DIRECTIVE)[keyof typeof DIRECTIVE];

/** `create NAME [IMAGE...]`: NAME for the first argument, IMAGE for all others. */
export const argumentAt = (usage: string, index: number): string | undefined => {
  const names = [...usage.matchAll(/\b([A-Z]+)(\.\.\.)?/g)];
  const [, name] = names[index] ?? (names.at(-1)?.[2] ? names.at(-1) : undefined) ?? [];
  return name;
};

/** Flags that can still be given, in both forms. */
export const flagCandidates = (flags: readonly Flag[], { given }: Unfinished): Candidate[] => [
  ...flags
    .filter(({ name, isRepeatable }) => isRepeatable || !given.has(name))
    .flatMap(({ name, alias, describe, isBoolean, preset }) => {
      const isOn = isBoolean && preset === 'true'; // then only the opposite changes anything
      const long = { word: isOn ? `--no-${name}` : `--${name}`, describe };
      return alias ? [long, { word: `-${alias}`, describe }] : [long];
    }),
  { word: '--help', describe: 'Show help' },
];

/** Flags without which the command cannot run. */
export const missingFlags = (flags: readonly Flag[], { given }: Unfinished): Candidate[] =>
  flags
    .filter(({ name, isRequired }) => isRequired && !given.has(name))
    .map(({ name, describe }) => ({ word: `--${name}`, describe }));

const valuesOf = ({ isBoolean, choices, describe }: Flag): readonly string[] => {
  if (isBoolean) return ['true', 'false'];
  if (choices.length > 0) return choices;
  // of a flag that also takes other values: one of json | jsonpath=TEMPLATE
  const [, listed] = /; one of (.+)$/.exec(describe) ?? [];
  return listed?.split(' | ').map((value) => value.replace(/[A-Z]+$/, '')) ?? [];
};

/** The values that a flag or an argument can have, if it is one of a list; `rows` of the help may describe them. */
export const choices = (
  flag: Flag | undefined,
  argument: string | undefined,
  args: Argv<unknown>,
  rows: readonly HelpRow[],
): Candidate[] => {
  const words = flag ? valuesOf(flag) : argument ? argumentChoices(args, argument) : [];
  const described = new Map(rows);
  return words.map((word) => {
    const describe = described.get(word);
    return describe === undefined ? { word } : { word, describe };
  });
};

// what no shell reads as anything but text
const WORD = /^[\w.@%+/][\w.:/@%+=,-]*$/;

/** Words that strangers chose, such as names in the cluster: only those that can be typed as they are. */
export const safe = (candidates: readonly Candidate[]): Candidate[] =>
  candidates
    .filter(({ word }) => WORD.test(word))
    .map(({ word, describe }) => (describe ? { word, describe: plain(describe) } : { word }));

/** Those that continue `word`, each once and in order, as the shell gets them. */
export const formatCandidates = (
  candidates: readonly Candidate[],
  { start, word }: Pick<Unfinished, 'start' | 'word'>,
): string[] => {
  const found = new Map(candidates.filter((one) => one.word.startsWith(word)).map((one) => [one.word, one]));
  return [...found.values()].map(({ word, describe }) => [start + word, ...(describe ? [describe] : [])].join('\t'));
};
