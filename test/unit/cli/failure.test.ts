import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeFailure, exitCode } from '../../../src/cli/failure.ts';
import { createStyle } from '../../../src/cli/progress.ts';
import { ApiError, Differences, Interrupted, PreloadError, UsageError } from '../../../src/model/errors.ts';

const plain = createStyle(false);

describe('failures are reported like in kubectl', () => {
  const cases: Record<string, [Error, text: string | undefined]> = {
    'an invalid command line': [
      new UsageError('no'),
      "error: no\nSee 'kubectl preload create -h' for help and examples",
    ],
    'a problem that the user can fix': [new PreloadError('no room', 'use --size'), 'error: no room\nhint: use --size'],
    'a problem without a hint': [new PreloadError('no room'), 'error: no room'],
    'an error from the server': [
      new ApiError(404, 'NotFound', 'pods "x" not found'),
      'Error from server (NotFound): pods "x" not found',
    ],
    'no server': [
      new ApiError(0, '', 'The connection to the server a:1 was refused'),
      'The connection to the server a:1 was refused',
    ],
    'names from a stranger': [
      new PreloadError('no \u001b[2Jroom\nfor it', '\u202euse --size'),
      'error: no ?[2Jroom\nfor it\nhint: ?use --size',
    ],
    'an interruption': [new Interrupted('SIGINT'), undefined],
  };
  for (const [what, [error, text]] of Object.entries(cases)) {
    test(what, () => assert.equal(describeFailure(error, 'create', plain), text));
  }

  test('an invalid command line without a command', () => {
    const text = "error: no\nSee 'kubectl preload -h' for help and examples";
    assert.equal(describeFailure(new UsageError('no'), '', plain), text);
  });

  test('a bug shows its stack and a request to report it', () => {
    const text = describeFailure(new TypeError('x is undefined'), 'create', plain) ?? '';
    assert.match(text, /^error: TypeError: x is undefined\n +at .*failure\.test\.ts/);
    assert.match(text, /This is a bug in kubectl preload; please report it\.$/);
  });
});

describe('exit codes', () => {
  const cases: [Error, number][] = [
    [new UsageError(''), 1],
    [new PreloadError(''), 1],
    [new ApiError(404, '', ''), 1],
    [new Error(''), 1],
    [new Interrupted('SIGINT'), 130],
    [new Interrupted('SIGTERM'), 143],
  ];
  for (const [error, code] of cases) test(`${code}`, () => assert.equal(exitCode(error, 'create'), code));

  test('of diff tell differences from failures', () => {
    assert.equal(exitCode(new Differences(), 'diff'), 1);
    assert.equal(exitCode(new PreloadError('x'), 'diff'), 2);
    assert.equal(exitCode(new Interrupted('SIGINT'), 'diff'), 130);
    assert.equal(describeFailure(new Differences(), 'diff', createStyle(false)), undefined);
  });
});
