import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { succeeds } from '../machine/run.ts';
import { startApiServer } from './api-server.ts';

/** Whether a process has the API server's folder in its command line. */
const runs = async (kubeconfig: string): Promise<boolean> => {
  return succeeds(['pgrep', '--full', '--runstates', 'R,S,D', join(kubeconfig, '../..')]);
};

test('an API server without a cluster serves the snapshot API and leaves nothing', async () => {
  const server = await startApiServer({ snapshotCrds: true });
  const classes = await server.kubectl(['get', 'volumesnapshotclasses', '-o', 'name']);
  assert.equal(classes, '');
  await server.stop();
  assert.equal(await runs(server.kubeconfig), false);
});

test('an API server dies with the process that started it', async () => {
  const script = `
    import { startApiServer } from ${JSON.stringify(join(import.meta.dirname, 'api-server.ts'))};
    console.log((await startApiServer()).kubeconfig);
    process.kill(process.pid, 'SIGKILL');`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  assert.match(stdout, /kubeconfig/);
  assert.equal(await runs(stdout.trim()), false);
  await rm(join(stdout.trim(), '../..'), { recursive: true });
});
