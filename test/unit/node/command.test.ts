import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PreloadError } from '../../../src/model/errors.ts';
import { CommandFailed, run, runPiped } from '../../../src/node/command.ts';

const failure = async (...argv: string[]): Promise<CommandFailed> => {
  const error = await run(argv).then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof CommandFailed && error instanceof PreloadError);
  return error;
};

test('a tool that fails on the node is an error with a remedy, not a bug in this tool', async () => {
  const { message, hint, code } = await failure('sh', '-c', 'echo first >&2; echo no space >&2; exit 3');
  assert.deepEqual([message, code], ['no space', 3]);
  assert.equal(hint, 'to see why, run: sh -c echo first >&2; echo no space >&2; exit 3');
});

test('a tool that prints nothing or does not exist is an error with a remedy', async () => {
  assert.equal((await failure('false')).message, 'false failed with 1');
  const { message, hint } = await failure('no-such-tool', 'x');
  assert.deepEqual([message, hint], ['no-such-tool not found', 'to see why, run: no-such-tool x']);
});

test('the command is shown as the node would run it, and shortened', async () => {
  const { hint } = await failure('chroot', '/nonexistent', 'cp', 'x'.repeat(1000));
  assert.match(hint ?? '', /^to see why, run on the node: cp x+$/);
  assert.ok((hint ?? '').length < 400);
});

describe('two commands with a pipe', () => {
  const shell = (script: string) => ['sh', '-c', script];
  const piped = (from: string, to: string) =>
    runPiped(shell(from), shell(to), (pieces) => pieces, new AbortController().signal);

  test('pass everything on', () => piped('seq 100000', 'test "$(tail -n 1)" = 100000'));

  test('fail as the one that failed, not as the one that cannot go on without it', async () => {
    await assert.rejects(piped('yes', 'echo no space >&2; exit 2'), { message: 'no space' });
    await assert.rejects(piped('echo unreadable >&2; exit 2', 'cat >/dev/null'), { message: 'unreadable' });
  });

  test('end when they are interrupted', async () => {
    const signal = AbortSignal.timeout(100);
    await assert.rejects(runPiped(shell('yes'), shell('cat >/dev/null'), (pieces) => pieces, signal));
  });
});
