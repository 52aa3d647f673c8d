import yargs, { type Argv } from 'yargs';
import type { Context } from '../../cli/context.ts';
import { type HelpRow, readFlags } from '../../cli/help.ts';
import {
  argumentAt,
  choices,
  DIRECTIVE,
  type Directive,
  flagCandidates,
  formatCandidates,
  missingFlags,
} from './candidates.ts';
import { readWords, type Unfinished } from './words.ts';

/** What completion needs of a verb. */
interface Verb {
  command: string | string[];
  /** false if it is hidden */
  describe: string | false;
  builder: (yargs: Argv) => Argv<unknown>;
  /** more of its help */
  sections?: Readonly<Record<string, readonly HelpRow[]>>;
}

/**
 * Completion as kubectl calls it: with the words after the plugin's name, the last one unfinished. Prints one candidate per
 * line, its description after a tab, then a directive for the shell. Never fails, as that would disturb who types.
 */
export const runComplete = async (
  words: readonly string[],
  verbs: readonly Verb[],
  context: Context,
): Promise<void> => {
  const { lines, directive } = await complete(words, verbs, context).catch(() => NOTHING);
  for (const line of lines) context.print(line);
  context.print(`:${directive}`);
};

interface Completion {
  lines: string[];
  directive: Directive;
}

const NOTHING: Completion = { lines: [], directive: DIRECTIVE.noFiles };

const namesOf = ({ command }: Verb): string[] => [command].flat().map((usage) => usage.split(' ')[0] ?? '');

const complete = async (words: readonly string[], verbs: readonly Verb[], context: Context): Promise<Completion> => {
  const [first = '', ...rest] = words;
  const verb = rest.length > 0 ? verbs.find((verb) => namesOf(verb).includes(first)) : undefined;
  if (verb) return completeVerb(verb, rest, context);
  if (rest.length > 1 || (rest.length === 1 && first !== 'help')) return NOTHING;
  const candidates = verbs.flatMap((verb) =>
    verb.describe === false ? [] : [{ word: namesOf(verb)[0] ?? '', describe: verb.describe }],
  );
  return { ...NOTHING, lines: formatCandidates(candidates, { start: '', word: words.at(-1) ?? '' }) };
};

const completeVerb = async (verb: Verb, words: readonly string[], context: Context): Promise<Completion> => {
  const args = verb.builder(yargs([]));
  const flags = readFlags(args);
  const unfinished = readWords(words, flags);
  const { flag, word, isArgument, values } = unfinished;
  if (!flag && !isArgument && word.startsWith('-'))
    return { ...NOTHING, lines: formatCandidates(flagCandidates(flags, unfinished), unfinished) };
  const argument = flag ? undefined : argumentAt([verb.command].flat()[0] ?? '', values.length);
  const fixed = choices(flag, argument, args, Object.values(verb.sections ?? {}).flat());
  if (fixed.length > 0) return { ...NOTHING, lines: formatCandidates(fixed, unfinished) };
  const path = flag ? PATHS[flag.name] : undefined;
  if (path !== undefined) return { lines: [], directive: path };
  const keys = flag ? [`--${flag.name}`] : argumentKeys(namesOf(verb)[0] ?? '', argument ?? '', unfinished);
  const { liveNames } = await import('./live-names.ts'); // the Kubernetes client alone takes longer than all of the above
  const names = (await liveNames(keys, unfinished, context)).filter((name) => !values.includes(name.word));
  const last = flag && LISTS.includes(flag.name) ? afterComma(unfinished) : unfinished;
  const lines = formatCandidates(names, last);
  const missing = flag ? [] : formatCandidates(missingFlags(flags, unfinished), unfinished);
  return { ...NOTHING, lines: lines.length > 0 ? lines : missing };
};

/** Where to look up names for an argument, best first. */
const argumentKeys = (verb: string, argument: string, { given }: Unfinished): string[] => [
  ...[...given.keys()].map((flag) => `${verb} ${argument} --${flag}`),
  `${verb} ${argument}`,
  argument,
];

/** Flags whose values are paths on this machine. */
const PATHS: Readonly<Record<string, Directive>> = {
  kubeconfig: DIRECTIVE.files,
  'from-file': DIRECTIVE.files,
  report: DIRECTIVE.files,
  'ctr-path': DIRECTIVE.files,
  'containerd-path': DIRECTIVE.files,
  volume: DIRECTIVE.directories,
  to: DIRECTIVE.directories,
  root: DIRECTIVE.directories,
};

/** Flags whose values are lists with commas. */
const LISTS = ['exclude'];

const afterComma = ({ start, word }: Unfinished): Pick<Unfinished, 'start' | 'word'> => {
  const end = word.lastIndexOf(',') + 1;
  return { start: start + word.slice(0, end), word: word.slice(end) };
};
