import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { at, type FaultyApiServer, malformed, startFaultyApiServer } from '../harness/faulty-api-server.ts';
import { runBundle } from '../harness/run-bundle.ts';
import { node, startTestServer } from './api-server.ts';
import { settings } from './records.ts';

const server = await startTestServer();
let faulty: FaultyApiServer;
before(async () => {
  faulty = await startFaultyApiServer(server.kubeconfig);
});
after(async () => {
  await faulty.stop();
  await server.stop();
});

const preload = (...argv: string[]) => runBundle(argv, { KUBECONFIG: faulty.kubeconfig });
const listOf = (...items: unknown[]) => malformed({ kind: 'List', metadata: {}, items });

test('an object that is not as the API has it is ignored with a warning', async () => {
  const good = node('good');
  const items = [
    { ...good, metadata: { name: 'odd' }, status: null },
    'text',
    { metadata: { name: '\u001b[31m' } },
    good,
  ];
  faulty.behave(at(/^GET \/api\/v1\/nodes\b/, listOf(...items)));
  const { code, stdout, stderr } = await preload('create', 'web', 'nginx:1', '--dry-run=client', '-o', 'name');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^pod\/preload-web$/m);
  assert.deepEqual(
    stderr.split('\n').filter((line) => line.startsWith(' ! ')),
    [
      ' ! ignoring node/odd: invalid status null: must be an object',
      ' ! ignoring one of the nodes: invalid "text": must be an object',
      ' ! ignoring one of the nodes: invalid metadata.name "\\u001b[31m": must have no control characters',
    ],
  );
});

test('an object that is needed and not as the API has it ends the command, without a stack', async () => {
  const { metadata } = volumeSnapshot(settings('web'));
  for (const [answer, problem] of [
    [{ metadata, status: 'ready' }, 'invalid status "ready": must be an object'],
    [[], 'has no metadata'],
  ] as const) {
    faulty.behave(at(/^GET .*\/volumesnapshots\/web$/, malformed(answer)));
    const { code, stdout, stderr } = await preload('verify', 'web');
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(stderr, `error: cannot use volumesnapshot/web as the server has it: ${problem}\n`);
  }
});

test('an answer that is not a list ends the command, without a stack', async () => {
  faulty.behave(at(/^GET .*\/volumesnapshots\b/, malformed({ items: 'none' })));
  const { code, stderr } = await preload('status');
  assert.equal(code, 1);
  assert.match(stderr, /^error: cannot use volumesnapshots as the server has it: .*\n$/);
});
