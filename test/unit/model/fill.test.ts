import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillingPatch, TAINTED_NODE } from '../../../src/model/fill.ts';
import { parse } from '../../../src/model/parse.ts';

const patchFor = (spec: object): object =>
  fillingPatch(parse(TAINTED_NODE, { metadata: { name: 'plain', resourceVersion: '7' }, spec }), '0123456789ab');

const MARKED = { resourceVersion: '7', labels: { 'preload/0123456789ab': 'done' } };

test('a filled node loses its startup taint and keeps the others as they are', () => {
  const other = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2026-11-27T01:00:00Z' };
  const taints = [{ key: 'preload/not-ready', effect: 'NoSchedule' }, other];
  assert.deepEqual(patchFor({ taints }), { metadata: MARKED, spec: { taints: [other] } });
});

test('a node without the taint gets only the label', () => {
  assert.deepEqual(patchFor({ taints: [{ key: 'dedicated', effect: 'NoSchedule' }] }), { metadata: MARKED });
  assert.deepEqual(patchFor({}), { metadata: MARKED });
});
