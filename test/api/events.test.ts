import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../cluster/machine/until.ts';
import { runBundle } from '../harness/run-bundle.ts';
import { STORAGE, startTestServer } from './api-server.ts';
import { claim, csi, volume } from './claims.ts';

const server = await startTestServer();
after(server.stop);

before(async () => {
  await server.apply(...STORAGE, volume('disk', csi('disk.example.com')), claim('on-disk', 'disk'));
  await server.setStatus('pvc/on-disk', 'default', { phase: 'Bound' });
});

interface Event {
  time: string;
  type: string;
  text?: string;
  message?: string;
  hint?: string;
  elapsed?: number;
  timeout?: number;
}

/** Every line of standard error, each of which must be an event. */
const eventsIn = (stderr: string): Event[] => {
  assert.match(stderr, /\n$/);
  return stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
};

const NAME = 'volumesnapshot.snapshot.storage.k8s.io';

describe('with --events, standard error is JSON lines', () => {
  test('of a run that succeeds, whose result stays as it is', async () => {
    const begin = Date.now();
    const { child, said, outcome } = server.start(
      'snapshot',
      '--name',
      'a',
      '--pvc',
      'on-disk',
      '--events',
      '-o',
      'name',
    );
    await until('two seconds of waiting', () => {
      if (child.exitCode !== null) throw new Error(said.stderr);
      return said.stderr.split('"type":"progress"').length > 2;
    });
    await server.finishSnapshot('a');
    const { code, stdout, stderr } = await outcome;
    assert.deepEqual([code, stdout], [0, `${NAME}/a\n`]);
    const events = eventsIn(stderr);
    assert.deepEqual(
      [...new Set(events.map(({ type, text }) => `${type} ${text}`))],
      ['started Waiting for the snapshot', 'progress Waiting for the snapshot', 'done Snapshot ready'],
    );
    const waits = events.filter(({ type }) => type === 'progress');
    const elapsed = waits.map(({ elapsed = 0 }) => elapsed);
    const ascending = [...new Set(elapsed)].toSorted((one, other) => one - other);
    assert.deepEqual(elapsed, ascending, 'each second at most once; a busy machine skips some');
    assert.ok(elapsed.length >= 2 && elapsed.every((seconds) => Number.isInteger(seconds) && seconds >= 1));
    const [least = 0, most = 0] = [Math.min, Math.max].map((end) =>
      end(...waits.map(({ elapsed = 0, timeout = 0 }) => elapsed + timeout)),
    );
    assert.ok(most - least <= 1, 'both are rounded');
    const before = (Date.parse(events[0]?.time ?? '') - begin) / 1000; // --timeout counts from the begin of the command
    assert.ok(least >= 1800 - before - 1 && most <= 1800, `${least} to ${most}, ${before} s before the wait`);
    assert.ok(events.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < 60_000));
  });

  test('of a run that fails, with the reason and one remedy', async () => {
    const { code, stdout, stderr } = await server.preload('create', 'web', 'nginx', '--node', 'none', '--events');
    assert.deepEqual([code, stdout], [1, '']);
    const last = eventsIn(stderr).at(-1);
    assert.equal(last?.type, 'error');
    assert.equal(last?.message, 'node "none" not found');
    assert.match(last?.hint ?? '', /^see: kubectl get nodes/);
  });

  test('of a run that is interrupted', async () => {
    const { child, said, outcome } = server.start('snapshot', '--name', 'b', '--pvc', 'on-disk', '--events');
    await until('the wait', () => said.stderr.includes('Waiting'));
    child.kill('SIGINT');
    const { code, stderr } = await outcome;
    assert.equal(code, 130);
    const types = eventsIn(stderr).map(({ type }) => type);
    assert.deepEqual(
      [...new Set(types)].filter((type) => type !== 'progress'),
      ['started', 'failed', 'note'],
    );
  });

  test('of a wrong command line', async () => {
    for (const argv of [
      ['create', '--events'],
      ['create', 'Web', '--events'],
      ['verify', '--events', '--nonsense'],
    ]) {
      const { code, stdout, stderr } = await runBundle(argv);
      assert.deepEqual([code, stdout], [1, ''], argv.join(' '));
      assert.deepEqual(
        eventsIn(stderr).map(({ type }) => type),
        ['error'],
      );
    }
  });

  test('also if the environment asks for them, where the verb has that flag', async () => {
    const env = { KUBECTL_PRELOAD_EVENTS: 'true' };
    assert.equal(eventsIn((await runBundle(['create', 'Web'], env)).stderr)[0]?.type, 'error');
    assert.match((await runBundle(['create', 'Web', '--no-events'], env)).stderr, /^error: /);
    assert.match((await runBundle(['status', '--nonsense'], env)).stderr, /^error: /);
  });
});

test('without a terminal, a wait says every 10 s how long it lasts and when it ends', async () => {
  const { child, said, outcome } = server.start('snapshot', '--name', 'c', '--pvc', 'on-disk', '--timeout', '90s');
  await until('a second line', () => said.stderr.split('\n').length > 2);
  assert.match(
    said.stderr,
    /^ • Waiting for the snapshot \.\.\.\n • Waiting for the snapshot · 1\ds · times out in [78]\ds \.\.\.\n$/,
  );
  const problem = { error: { message: 'quota exceeded' }, readyToUse: false };
  await server.setStatus(`${NAME}/c`, 'default', problem);
  await until('the problem, at once', () => said.stderr.split('\n').length > 3);
  assert.match(said.stderr, /^ • Waiting for the snapshot: quota exceeded · \d+s · times out in \d+s \.\.\.\n$/m);
  child.kill('SIGINT');
  await outcome;
  assert.match(said.stderr, /^ ✗ Waiting for the snapshot: quota exceeded: interrupted$/m);
});
