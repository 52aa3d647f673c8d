import { processContext } from './cli/context.ts';
import { describeFailure, exitCode, failureOf } from './cli/failure.ts';
import { Interrupted } from './model/errors.ts';
import { isCommand, reportsEvents, runCommand } from './program.ts';

const argv = process.argv.slice(2);
const [word = ''] = argv;
const command = isCommand(word) ? word : '';
const abort = new AbortController();
const context = processContext(abort.signal, reportsEvents(argv, process.env) ? 'events' : 'text');

// The first signal lets the command clean up; the second ends it at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (abort.signal.aborted) process.exit(exitCode(new Interrupted(signal), command));
    abort.abort(new Interrupted(signal));
  });
}

runCommand(argv, context)
  .catch((error: unknown) => {
    const failure = abort.signal.aborted ? abort.signal.reason : error;
    const text = describeFailure(failure, command, context.style);
    if (text) context.progress.error(text, failureOf(failure));
    process.exitCode = exitCode(failure, command);
  })
  // Without this exit, a connection attempt would keep the process alive for seconds.
  .finally(() => process.stdout.write('', () => process.stderr.write('', () => process.exit())));
