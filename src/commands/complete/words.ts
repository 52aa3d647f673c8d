import type { Flag } from '../../cli/help.ts';

/** An unfinished command line, as a shell has it when the user presses TAB. */
export interface Unfinished {
  /** the values of flags before the last word, by name */
  given: ReadonlyMap<string, readonly string[]>;
  /** arguments before the last word, without the verb */
  values: readonly string[];
  /** the flag whose value the last word is */
  flag?: Flag;
  /** what the last word starts with that is no part of the value: `-o` of `-ojs` */
  start: string;
  /** the value or flag that is not finished */
  word: string;
  /** `--` came before, so the last word is no flag */
  isArgument: boolean;
}

/** Reads `words`, which come after the verb, as yargs does. */
export const readWords = (words: readonly string[], flags: readonly Flag[]): Unfinished => {
  const given = new Map<string, string[]>();
  const values: string[] = [];
  const give = ({ name }: Flag, value: string) => given.set(name, [...(given.get(name) ?? []), value]);
  let open: Flag | undefined; // the flag that the next word is the value of
  let isArgument = false;
  for (const word of words.slice(0, -1)) {
    if (open) {
      give(open, word);
      open = undefined;
    } else if (isArgument || !isFlag(word)) values.push(word);
    else if (word === '--') isArgument = true;
    else {
      const { flag, value } = flagIn(word, flags);
      if (flag && value !== undefined) give(flag, value);
      else if (flag?.isBoolean) give(flag, String(!word.startsWith('--no-')));
      else open = flag;
    }
  }
  const word = words.at(-1) ?? '';
  const base = { given, values, isArgument, start: '' };
  if (open) return { ...base, flag: open, word };
  const { flag, value, start = '' } = isArgument || !isFlag(word) ? {} : flagIn(word, flags);
  return flag && value !== undefined ? { ...base, flag, word: value, start } : { ...base, word };
};

const isFlag = (word: string): boolean => word.length > 1 && word.startsWith('-');

interface Named {
  flag?: Flag | undefined;
  /** undefined if the word has none */
  value?: string;
  /** what the shell does not take off itself, as it does with `--output=` */
  start?: string;
}

/** The flag that `word` names last, with the value that it has: `--output=json`, `-ojson`, `-o=json`, `-Aojson`. */
const flagIn = (word: string, flags: readonly Flag[]): Named => {
  const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
  if (name !== undefined) {
    const flag = flags.find((flag) => flag.name === name || (flag.isBoolean && `no-${flag.name}` === name));
    return { flag, ...(value !== undefined && { value }) };
  }
  for (let at = 1; at < word.length; at += 1) {
    const flag = flags.find(({ alias }) => alias === word[at]);
    if (flag?.isBoolean && at + 1 < word.length && word[at + 1] !== '=') continue;
    const rest = word.slice(at + 1);
    if (!flag || rest === '') return { flag };
    return rest.startsWith('=') ? { flag, value: rest.slice(1) } : { flag, value: rest, start: word.slice(0, at + 1) };
  }
  return {};
};
