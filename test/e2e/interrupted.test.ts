import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { type Cluster, readCluster, STATE } from '../cluster/state.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';
import {
  becomes,
  createNamespace,
  deleteNamespaces,
  kubectl,
  said,
  startOnTerminal,
  startPreload,
  status,
} from './support/commands.ts';
import { machineState, objectsOf } from './support/leftovers.ts';

const NAMESPACE = 'interrupted';
const IMAGES = ['shop/web:1.4', 'shop/checkout:1.5', 'data/report:7', 'site/home:2026', 'build/runner:12', 'deep:1'];
const ARGS = ['-n', NAMESPACE, ...IMAGES.map(sample)];

let machine: Set<string>;

before(async () => {
  await createNamespace(NAMESPACE);
  machine = await machineState();
});

after(() => deleteNamespaces(NAMESPACE));

for (const [signal, code, step] of [
  ['SIGINT', 130, 'Capturing'],
  ['SIGTERM', 143, 'Capturing'],
  ['SIGINT', 130, 'Starting the loader'],
  ['SIGINT', 130, 'Creating a volume'],
] as const) {
  test(`${signal} while ${step.toLowerCase()} ends with ${code} and leaves nothing`, async () => {
    const child = startPreload(['create', 'stopped', ...ARGS]);
    const ended = outcome(child);
    await said(child.stderr, `${step} `);
    child.kill(signal);
    const { code: exit, stdout, stderr } = await ended;
    assert.equal(exit, code, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`^ ✗ ${step}.*: interrupted$`, 'm'));
    assert.match(stderr, /^ ✓ Removed .*configmap\/preload-stopped$/m);
    assert.doesNotMatch(stderr, /error:|ready/);
    await becomesAsBefore();
  });
}

test('Ctrl-C on a terminal ends with 130 and leaves nothing', async () => {
  const child = startOnTerminal(`kubectl preload create typed ${ARGS.join(' ')}`);
  const ended = outcome(child);
  await said(child.stdout, 'Capturing ');
  child.stdin?.write('\u0003');
  const { code, stdout } = await ended;
  assert.equal(code, 130, stdout);
  assert.match(stdout, /✗\S* Capturing .*: interrupted/);
  assert.match(
    stdout,
    /✓\S* Removed pod\/preload-typed, persistentvolumeclaim\/preload-typed, configmap\/preload-typed/,
  );
  await becomesAsBefore();
});

test('a deleted loader is an error, and nothing is left', async () => {
  const child = startPreload(['create', 'deleted', ...ARGS]);
  const ended = outcome(child);
  await said(child.stderr, 'Capturing ');
  assert.equal((await status(NAMESPACE, 'deleted')).phase, 'Capturing');
  const during = [...(await machineState()).difference(machine)].join('\n');
  assert.match(during, /^volume .*^loop device .*^mount .*kubernetes.io~csi/ms, 'traces of a capture can be seen');
  await kubectl(['delete', 'pod', '-n', NAMESPACE, 'preload-deleted', '--wait=false']);
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^error: pod preload-deleted was deleted by someone else\nhint: run the command again; .* --node$/m,
  );
  await becomesAsBefore();
});

test('a loader whose process is killed is an error, and nothing is left', async () => {
  const child = startPreload(['create', 'killed', ...ARGS]);
  const ended = outcome(child);
  await said(child.stderr, 'Capturing ');
  const [pid = 0, ...others] = await loaders();
  assert.deepEqual(others, []);
  process.kill(pid, 'SIGKILL');
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^error: the loader ended early: \w+ \(exit code 137\)$/m);
  await becomesAsBefore();
});

/** Process IDs of the cluster's loaders, without those that only plan, which may take a while to go. */
const loaders = async (): Promise<number[]> => {
  const { id } = (await readCluster(STATE)) as Cluster;
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const found = (await readdir('/proc')).map(async (pid) => {
    const command = await read(pid, 'cmdline');
    const isLoader = command.includes('\0export\0') && !command.includes('\0--plan-only\0');
    return isLoader && (await read(pid, 'cgroup')).includes(id) ? [Number(pid)] : [];
  });
  return (await Promise.all(found)).flat();
};

const becomesAsBefore = async (): Promise<void> => {
  await becomes([], () => objectsOf(NAMESPACE));
  await becomes([], async () => [...(await machineState()).difference(machine)]);
};
