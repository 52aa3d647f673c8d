import type { Argv } from 'yargs';
import { USAGE_NAME } from '../model/names.ts';

/** What to do, and the command line that does it. */
export type Example = readonly [what: string, command: string];

/** Titles of groups of flags, in the order in which help prints them; flags without a group come under Options. */
export const GROUPS = {
  what: 'What to capture:',
  where: 'Where to capture:',
  how: 'How to capture:',
  snapshot: 'The snapshot:',
  pod: 'The pod:',
  options: 'Options:',
  connection: 'Connection:',
} as const;

/** What shells call instead of a verb, with an unfinished command line. */
export const COMPLETE = '__complete';

/** The verb whose help `argv` requests, '' for the program's, undefined if it requests no help. */
export const helpTopic = (argv: readonly string[], verbs: readonly string[]): string | undefined => {
  if (argv[0] === COMPLETE) return undefined;
  const asksForHelp = argv.length === 0 || argv[0] === 'help' || argv.includes('-h') || argv.includes('--help');
  return asksForHelp ? (argv.find((word) => verbs.includes(word)) ?? '') : undefined;
};

interface CommandHelp {
  /** what the command does */
  summary: string;
  examples: readonly Example[];
  /** `create NAME [IMAGE...]` */
  usage: string;
  flags: readonly Flag[];
  /** rows by title */
  sections: Readonly<Record<string, readonly HelpRow[]>>;
}

export type HelpRow = readonly [name: string, text: string];

export interface Flag {
  name: string;
  alias: string | undefined;
  describe: string;
  /** as it would be typed; undefined without one */
  preset: string | undefined;
  isBoolean: boolean;
  isRequired: boolean;
  isRepeatable: boolean;
  choices: readonly string[];
  group: string;
}

/** Help of a command in kubectl's order and form. */
export const formatHelp = ({ summary, examples, usage, flags, sections }: CommandHelp): string => {
  const groups = Object.values(GROUPS).flatMap((title) => {
    const rows = flags.filter(({ group }) => group === title).map((flag) => [nameOf(flag), describe(flag)] as const);
    return rows.length > 0 ? [section(title, columns(rows))] : [];
  });
  const shown = examples.map(([what, command]) => `  # ${what}\n  ${command}`).join('\n\n');
  const options = flags.length > 0 ? ' [options]' : '';
  return [
    summary,
    ...(examples.length > 0 ? [section('Examples:', shown)] : []),
    ...Object.entries(sections).map(([title, rows]) => section(title, columns(rows))),
    ...groups,
    section('Usage:', `  ${USAGE_NAME} ${usage}${options}`),
  ].join('\n\n');
};

/** Help of the program; `commands` are verbs with what they do. */
export const formatOverview = (
  summary: string,
  commands: readonly (readonly [verb: string, summary: string])[],
): string =>
  [
    summary,
    section('Available commands:', columns(commands)),
    section('Usage:', `  ${USAGE_NAME} COMMAND [options]`),
    `Use "${USAGE_NAME} COMMAND -h" for more about a command.`,
  ].join('\n\n');

const section = (title: string, body: string): string => `${title}\n${body}`;

const nameOf = ({ name, alias, preset, isBoolean }: Flag): string =>
  `${alias ? `-${alias}, ` : '    '}--${name}=${isBoolean ? (preset ?? 'false') : `'${preset ?? ''}'`}`;

const describe = ({ describe, choices, isRequired }: Flag): string =>
  [
    describe,
    ...(choices.length > 0 ? [`one of ${choices.join(' | ')}`] : []),
    ...(isRequired ? ['required'] : []),
  ].join('; ');

const WIDTH = 100;
const LONGEST_NAME = 32;
const [INDENT, GAP] = ['  ', '   '];

/** Two columns; the text of a long name begins below it. */
const columns = (rows: readonly HelpRow[]): string => {
  const width = Math.min(LONGEST_NAME, Math.max(...rows.map(([name]) => name.length)));
  const below = ' '.repeat(INDENT.length + width + GAP.length);
  return rows
    .flatMap(([name, text]) => {
      const lines = wrap(text, WIDTH - below.length);
      const first = name.length > width ? [INDENT + name] : [INDENT + name.padEnd(width) + GAP + (lines.shift() ?? '')];
      return [...first, ...lines.map((line) => below + line)];
    })
    .join('\n');
};

const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
};

/** What yargs keeps of flags and does not type. */
interface Internals {
  getOptions: () => {
    key: Record<string, unknown>;
    alias: Record<string, string[]>;
    default: Record<string, unknown>;
    choices: Record<string, string[]>;
    boolean: string[];
    array: string[];
    demandedOptions: Record<string, unknown>;
    hiddenOptions: string[];
  };
  parsed: { argv: Record<string, unknown>; defaulted: Record<string, unknown> };
  getGroups: () => Record<string, string[]>;
  getInternalMethods: () => { getUsageInstance: () => { getDescriptions: () => Record<string, string> } };
}

/** The flags that were defined on `args`, without arguments and without what is hidden. */
export const readFlags = (args: Argv<unknown>): Flag[] => {
  const yargs = args as Argv<unknown> & Internals;
  const options = yargs.getOptions();
  const groups = Object.entries(yargs.getGroups());
  const descriptions = yargs.getInternalMethods().getUsageInstance().getDescriptions();
  return flagNames(args)
    .filter((name) => !options.hiddenOptions.includes(name))
    .map((name) => ({
      name,
      alias: options.alias[name]?.find((alias) => alias.length === 1),
      describe: descriptions[name] ?? '',
      preset: options.default[name] === undefined ? undefined : String(options.default[name]),
      isBoolean: isBooleanFlag(args, name),
      isRequired: name in options.demandedOptions,
      isRepeatable: options.array.includes(name),
      choices: options.choices[name] ?? [],
      group: groups.find(([, names]) => names.includes(name))?.[0] ?? GROUPS.options,
    }));
};

/** What an argument can be, if that is a list. */
export const argumentChoices = (args: Argv<unknown>, name: string): readonly string[] =>
  (args as Argv<unknown> & Internals).getOptions().choices[name] ?? [];

export const isBooleanFlag = (args: Argv<unknown>, flag: string): boolean =>
  (args as Argv<unknown> & Internals).getOptions().boolean.includes(flag);

/** Whether each of several values counts. */
export const isRepeatable = (args: Argv<unknown>, flag: string): boolean =>
  (args as Argv<unknown> & Internals).getOptions().array.includes(flag);

/** Flags that a user may give: NAME and IMAGE are arguments. */
export const flagNames = (args: Argv<unknown>): string[] =>
  Object.keys((args as Argv<unknown> & Internals).getOptions().key).filter(
    (flag) => flag.length > 1 && flag === flag.toLowerCase() && !['help', 'version'].includes(flag),
  );

/** Those on the command line, not those whose values come from elsewhere. */
export const givenFlags = (args: Argv<unknown>): string[] => {
  const { argv, defaulted } = (args as Argv<unknown> & Internals).parsed;
  return flagNames(args).filter((flag) => argv[flag] !== undefined && !(flag in defaulted));
};
