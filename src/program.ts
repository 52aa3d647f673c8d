import yargs, { type Argv } from 'yargs';
import type { Context } from './cli/context.ts';
import { invalidArgument } from './cli/flags.ts';
import {
  COMPLETE,
  type Example,
  flagNames,
  formatHelp,
  formatOverview,
  type HelpRow,
  helpTopic,
  isBooleanFlag,
  isRepeatable,
  readFlags,
} from './cli/help.ts';
import { usageMessage } from './cli/usage.ts';
import * as completion from './commands/completion.ts';
import * as create from './commands/create/command.ts';
import * as deletePreloads from './commands/delete/command.ts';
import * as diff from './commands/diff/command.ts';
import * as doctor from './commands/doctor/command.ts';
import * as exportImages from './commands/export/command.ts';
import * as fill from './commands/fill/command.ts';
import * as images from './commands/images/command.ts';
import * as recipe from './commands/recipe/command.ts';
import * as snapshot from './commands/snapshot/command.ts';
import * as status from './commands/status/command.ts';
import * as verify from './commands/verify/command.ts';
import * as versionCommand from './commands/version.ts';
import { UsageError } from './model/errors.ts';
import { flagVariable, USAGE_NAME } from './model/names.ts';
import { version } from './version.ts';

interface Command {
  command: string | string[];
  /** false for a verb that only our own pods run */
  describe: string | false;
  examples: readonly Example[];
  builder: (yargs: Argv) => Argv<unknown>;
  /** flags that take no value from the environment */
  typedFlags?: readonly string[];
  /** more of the help: rows by title */
  sections?: Record<string, readonly HelpRow[]>;
  /** loads what the verb does */
  load: () => Promise<(options: never, context: Context) => Promise<void>>;
}

// Loaded only when it runs: the Kubernetes client alone takes longer than the help of all verbs.
const COMMANDS: Command[] = [
  { ...create, load: async () => (await import('./commands/create/run.ts')).runCreate },
  { ...status, load: async () => (await import('./commands/status/run.ts')).runStatus },
  { ...images, load: async () => (await import('./commands/images/run.ts')).runImages },
  { ...diff, load: async () => (await import('./commands/diff/run.ts')).runDiff },
  { ...recipe, load: async () => (await import('./commands/recipe/run.ts')).runRecipe },
  { ...deletePreloads, load: async () => (await import('./commands/delete/run.ts')).runDelete },
  { ...doctor, load: async () => (await import('./commands/doctor/run.ts')).runDoctor },
  { ...verify, load: async () => (await import('./commands/verify/run.ts')).runVerify },
  { ...exportImages, load: async () => (await import('./commands/export/run.ts')).runExport },
  { ...fill, load: async () => (await import('./commands/fill/run.ts')).runFill },
  { ...snapshot, load: async () => (await import('./commands/snapshot/run.ts')).runSnapshot },
  { ...completion, load: async () => completion.runCompletion },
  { ...versionCommand, load: async () => versionCommand.runVersion },
];

const EVENTS_FLAG = 'events';

const verbOf = (usage: string | string[]): string => [usage].flat()[0]?.split(' ')[0] ?? '';

const commandOf = (verb: string): Command | undefined =>
  COMMANDS.find(({ command }) => [command].flat().some((usage) => verbOf(usage) === verb));

const usageOf = ({ command }: Command): string => [command].flat()[0] ?? '';

/** With aliases. */
const VERBS = COMMANDS.flatMap(({ command }) => [command].flat().map(verbOf));
const SHOWN = COMMANDS.flatMap(({ describe, ...rest }) => (describe ? [{ ...rest, describe }] : []));
const SHOWN_VERBS = SHOWN.flatMap(({ command }) => [command].flat().map(verbOf));

/** Whether `word` is a verb of this program. */
export const isCommand = (word: string): boolean => VERBS.includes(word);

/** Whether standard error gets JSON lines: known before the command line is read, as its errors are reported, too. */
export const reportsEvents = (argv: readonly string[], env: Context['env']): boolean => {
  const verb = commandOf(argv[0] ?? '');
  const words = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined);
  const isInPod = words.some((word) => /^--volume(=|$)/.test(word));
  // there, and from export, events are the result, which goes to standard output
  if (isInPod || verb?.builder === exportImages.builder) return false;
  const typed = words.findLast((word) => /^--(no-)?events(=|$)/.test(word));
  if (typed) return /^--events(=true)?$/.test(typed);
  return (
    env[flagVariable(EVENTS_FLAG)] === 'true' && !!verb && flagNames(verb.builder(yargs([]))).includes(EVENTS_FLAG)
  );
};

/** Makes `--from-file -` one word: yargs would look for a value after the dash. */
const joinDashes = (words: readonly string[]): string[] =>
  words.flatMap((word, index) => {
    if (word === '-' && isLongFlag(words[index - 1])) return [];
    return isLongFlag(word) && words[index + 1] === '-' ? `${word}=-` : word;
  });

const isLongFlag = (word: string | undefined): boolean => /^--[^=]+$/.test(word ?? '');

/** Runs the command line `words`, without the program's name. Throws UsageError if it is wrong. */
export const runCommand = async (words: readonly string[], context: Context): Promise<void> => {
  if (words[0] === COMPLETE) {
    const { runComplete } = await import('./commands/complete/run.ts');
    return runComplete(words.slice(1), SHOWN, context);
  }
  const argv = joinDashes(words);
  const topic = helpTopic(argv, VERBS);
  if (topic !== undefined) return context.print(helpOf(topic));
  const program = createProgram(argv, context)
    .strict()
    .strictCommands()
    .demandCommand(1, 'specify a command')
    .fail((message, error) => {
      // yargs' own errors are called YError, also those that wrap what a flag's coerce function threw
      if (error && error.name !== 'YError') throw error;
      const command = commandOf(argv.find((word) => VERBS.includes(word)) ?? '');
      const line = { argv, verbs: VERBS, usage: command ? usageOf(command) : '' };
      throw new UsageError(usageMessage(message.split(/\s*\n\s*/).join(' '), line));
    });
  await program.parseAsync();
};

const SUMMARY = 'Capture container images into a volume snapshot, so that new nodes start with all of them present.';

/** Help of each verb, and of the program under the empty name. */
export const helpTexts = (): Record<string, string> =>
  Object.fromEntries(['', ...SHOWN_VERBS].map((verb) => [verb, helpOf(verb)]));

const helpOf = (verb: string): string => {
  const found = commandOf(verb);
  if (!found?.describe) {
    const verbs = SHOWN.map(({ command, describe }) => [verbOf(command), describe] as const);
    return formatOverview(SUMMARY, verbs);
  }
  const { describe, examples, builder, sections = {} } = found;
  const flags = readFlags(builder(yargs([])));
  return formatHelp({ summary: describe, examples, usage: usageOf(found), flags, sections });
};

const createProgram = (argv: readonly string[], context: Context): Argv => {
  const program = yargs([...argv])
    .scriptName(USAGE_NAME)
    .version(version)
    .help(false)
    .exitProcess(false)
    .boolean('debug') // also before the verb
    // as kubectl does: --ctr-flags '-a SOCKET' is one flag, and --exclude takes one value
    .parserConfiguration({ 'nargs-eats-options': true, 'greedy-arrays': false })
    .showHelpOnFail(false);
  for (const { command, describe, builder, load, typedFlags } of COMMANDS) {
    const build = (args: Argv) => withEnvironment(builder(withLastValues(args)), context.env, typedFlags);
    const handler = async (options: object) => (await load())(options as never, context);
    program.command({ command, describe, builder: build, handler });
  }
  return program;
};

/** As in kubectl, the last value of a flag that takes one counts; yargs would make a list. */
const withLastValues = (args: Argv): Argv =>
  args.middleware((values) => {
    for (const [key, value] of Object.entries(values)) {
      const flag = key.replace(/[a-z](?=[A-Z])/g, '$&-').toLowerCase();
      if (Array.isArray(value) && key !== '_' && ![key, flag].some((name) => isRepeatable(args, name)))
        values[key] = value.at(-1);
    }
  }, true); // before values are checked

/**
 * Makes KUBECTL_PRELOAD_SIZE the default of --size if the command has that flag. yargs' own env() would give every command
 * all such variables and reject those that it does not know.
 */
const withEnvironment = <T>(args: Argv<T>, env: Context['env'], except: readonly string[] = []): Argv<T> => {
  for (const flag of flagNames(args).filter((name) => !except.includes(name))) {
    const value = env[flagVariable(flag)];
    if (!value) continue;
    const isBoolean = isBooleanFlag(args, flag);
    if (isBoolean && !['true', 'false'].includes(value)) throw invalidArgument(flag, value, 'must be true or false');
    args.default(flag, isBoolean ? value === 'true' : value);
  }
  return args;
};
