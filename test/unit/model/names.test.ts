import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  labels,
  nameProblem,
  objectNames,
  removeCommand,
  selector,
  snapshotNameProblem,
} from '../../../src/model/names.ts';

const LONGEST = 'a'.repeat(48);

test('names of the objects of one preload', () => {
  assert.deepEqual(objectNames('web'), {
    configMap: 'preload-web',
    secret: 'preload-web',
    claim: 'preload-web',
    pod: 'preload-web',
    planPod: 'preload-web-plan',
    snapshot: 'web',
    record: 'preloaded-web',
    verify: 'preload-web-verify',
    fill: 'preload-web-fill',
    renewal: 'preload-web-renew',
  });
});

test('labels identify the preload of an object', () => {
  assert.deepEqual(labels('web', 'loader', '1.2.3'), {
    'app.kubernetes.io/name': 'preload',
    'app.kubernetes.io/instance': 'web',
    'app.kubernetes.io/component': 'loader',
    'app.kubernetes.io/managed-by': 'kubectl-preload',
    'app.kubernetes.io/version': '1.2.3',
  });
});

test('selectors match the labels', () => {
  const all = 'app.kubernetes.io/name=preload,app.kubernetes.io/managed-by=kubectl-preload';
  assert.equal(selector(), all);
  assert.equal(selector('web'), `${all},app.kubernetes.io/instance=web`);
});

test('remove commands select only temporary objects', () => {
  assert.equal(
    removeCommand('web', 'images'),
    `kubectl delete pod,pvc,configmap,secret -n images -l ${selector('web')},app.kubernetes.io/component=loader`,
  );
  assert.match(removeCommand('web', 'images', 'verify'), /,app\.kubernetes\.io\/component=verify$/);
});

describe('valid names of preloads', () => {
  for (const name of ['a', '1', 'web', 'web-2', 'a--b', '2026-11-24', LONGEST]) {
    test(name, () => assert.equal(nameProblem(name), undefined));
  }
});

describe('invalid names of preloads', () => {
  for (const name of ['', 'Web', '-web', 'web-', 'a.b', 'a_b', 'a b', 'ä', 'a\n']) {
    test(JSON.stringify(name), () => assert.match(nameProblem(name) ?? '', /^must consist of lower case/));
  }
  test('too long', () => assert.equal(nameProblem(`${LONGEST}a`), 'must be at most 48 characters'));
});

describe('names of manual snapshots may be longer and contain dots', () => {
  for (const name of ['web', '2026.11', 'a.b-c.d', 'a'.repeat(63)]) {
    test(name, () => assert.equal(snapshotNameProblem(name), undefined));
  }
  for (const name of ['', 'Web', '.web', 'web.', 'a..b', 'a.-b', 'a_b', 'a\n', 'a'.repeat(64)]) {
    test(JSON.stringify(name), () => assert.match(snapshotNameProblem(name) ?? '', /^must /));
  }
});

test('names derived from the longest name fit into a label value', () => {
  for (const name of Object.values(objectNames(LONGEST))) assert.ok(name.length <= 63);
});
