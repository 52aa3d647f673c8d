import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { createProgress, createStyle } from '../../../src/cli/progress.ts';
import { shareProgress } from '../../../src/cli/shared-progress.ts';

test('runs at the same time report under their labels, and the step of one ends without that of the other', () => {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const progressOf = shareProgress(createProgress(stream as NodeJS.WriteStream, false, createStyle(false)));
  const [amd, arm] = [progressOf('linux/amd64'), progressOf('linux/arm64')];
  amd.start('Planning');
  arm.start('Planning');
  arm.warn('slow');
  amd.done('26 images');
  arm.fail('no node');
  arm.fail('no node');
  amd.done('ready');
  assert.deepEqual(text.split('\n'), [
    ' • linux/amd64: Planning ...',
    ' ! linux/arm64: slow',
    ' ✓ linux/amd64: 26 images',
    ' ✗ linux/arm64: Planning: no node',
    ' ✓ linux/amd64: ready',
    '',
  ]);
});
