import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { identifyRun, isRunning } from '../../../src/node/process-id.ts';

test('this run is running', async () => {
  const run = await identifyRun('/');
  assert.match(run, new RegExp(`^${process.pid}-\\d+$`));
  assert.equal(await isRunning('/', run), true);
});

test('a run whose PID another process has now is not running', async () => {
  assert.equal(await isRunning('/', `${process.pid}-1`), false);
});

test('a run that was killed is not running', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await isRunning('/', `${child.pid}-1`), false);
});
