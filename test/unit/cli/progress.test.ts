import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { createProgress, createStyle, type Progress } from '../../../src/cli/progress.ts';

/** What `work` makes a progress write to something that is no terminal. */
const written = (work: (progress: Progress) => void): string => {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  work(createProgress(stream as NodeJS.WriteStream, false, createStyle(false)));
  return text;
};

describe('progress as plain lines', () => {
  const cases: Record<string, [(progress: Progress) => void, text: string]> = {
    'a step that ends well': [
      (progress) => {
        progress.start('Creating a volume');
        progress.done('Volume created');
      },
      ' • Creating a volume ...\n ✓ Volume created\n',
    ],
    'a step that fails, once': [
      (progress) => {
        progress.start('Creating a volume');
        progress.fail('quota');
        progress.fail('quota');
      },
      ' • Creating a volume ...\n ✗ Creating a volume: quota\n',
    ],
    'names from a stranger, without their escape sequences': [
      (progress) => {
        progress.start('\u001b]0;title\u0007');
        progress.warn('a\u009b2Jb');
        progress.done('\u001b[31mred');
      },
      ' • ?]0;title? ...\n ! a?2Jb\n ✓ ?[31mred\n',
    ],
    'a failure outside of any step': [(progress) => progress.fail('x'), ''],
    'a failure after the step': [
      (progress) => {
        progress.start('a');
        progress.done('b');
        progress.fail('x');
      },
      ' • a ...\n ✓ b\n',
    ],
    'a warning and a note within a step': [
      (progress) => {
        progress.start('a');
        progress.warn('careful');
        progress.note('see there');
        progress.done('b');
      },
      ' • a ...\n ! careful\nsee there\n ✓ b\n',
    ],
    'what a wait waits for, once it changes, and without its counter if it fails': [
      (progress) => {
        progress.start('a');
        progress.update('a', { counter: '1s' });
        progress.update('a: no node', { counter: '2s · times out in 29m' });
        progress.update('a: no node', { counter: '3s' });
        progress.fail('x');
      },
      ' • a ...\n • a: no node · 2s · times out in 29m ...\n ✗ a: no node: x\n',
    ],
    'quick updates, which only terminals show': [
      (progress) => {
        progress.start('a');
        progress.update('a 1/2');
        progress.update('a 2/2');
        progress.fail('x');
      },
      ' • a ...\n ✗ a 2/2: x\n',
    ],
  };
  for (const [what, [work, text]] of Object.entries(cases)) test(what, () => assert.equal(written(work), text));

  test('has no escape codes', () => {
    for (const [work] of Object.values(cases)) assert.ok(!written(work).includes('\u001b'));
  });
});
