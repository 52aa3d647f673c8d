// What the built file runs first. Node needs longer to parse the whole program than to print help, so the build renders
// the help and keeps the program as text until it runs.
import { compileFunction } from 'node:vm';
import { helpTopic } from './cli/help.ts';

/** Help of each verb, and of the program under the empty name; from the build. */
declare const HELP: Record<string, string>;
/** The bundle of main.ts; from the build. */
declare const PROGRAM: string;

// as SIGPIPE ends other tools if nobody reads their output any more
process.stdout.on('error', () => process.exit(141));

const topic = helpTopic(process.argv.slice(2), Object.keys(HELP));
if (topic === undefined) {
  const globals = { require, module, exports, __filename };
  compileFunction(PROGRAM, Object.keys(globals), { filename: __filename })(...Object.values(globals));
} else {
  process.stdout.write(`${HELP[topic]}\n`);
}
