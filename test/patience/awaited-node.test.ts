import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  addNode,
  createNamespace,
  deleteNamespaces,
  kubectl,
  removeNode,
  said,
  startPreload,
} from '../e2e/support/commands.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';

const NAMESPACE = 'awaited';

before(() => createNamespace(NAMESPACE));
after(() => deleteNamespaces(NAMESPACE));

test('a loader without a node starts on one that joins later, as an autoscaler would add it', async (t) => {
  t.after(() => removeNode('joined'));
  await kubectl(['cordon', 'worker']);
  const child = startPreload(['create', 'awaited', sample('ops/probe:1.0'), '-n', NAMESPACE]);
  const ended = outcome(child);
  try {
    await said(child.stderr, 'the loader cannot be scheduled: ');
    await sleep(60_000);
    assert.equal(child.exitCode, null);
    await addNode('joined', '2');
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^ ! no linux\/amd64 node is ready for the loader, so it waits for one$/m);
    assert.match(stderr, /^ ✓ Loader running on joined$/m);
  } finally {
    await kubectl(['uncordon', 'worker']);
  }
});
