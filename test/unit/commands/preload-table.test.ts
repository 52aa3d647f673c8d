import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatPreloads } from '../../../src/commands/preload-table.ts';
import type { PreloadSummary } from '../../../src/model/summary.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');

const ready: PreloadSummary = {
  name: 'web',
  namespace: 'images',
  phase: 'Ready',
  snapshotId: 'snap-0123abcd',
  created: '2026-11-24T11:55:00Z',
  size: 3.4 * 1024 ** 3,
  images: [{ names: ['r.io/a:1', 'r.io/a@sha256:…'], digest: 'sha256:…', size: 1 }],
};
const starting: PreloadSummary = {
  name: 'nightly-captures-of-all',
  namespace: 'kube-system',
  phase: 'Starting',
  created: '2026-11-24T11:59:19Z',
};

describe('preloads', () => {
  test('as a table', () => {
    assert.equal(
      formatPreloads([starting, ready], undefined, { now: NOW }),
      `NAME                      READY   PHASE      IMAGES   SIZE     SNAPSHOT-ID     AGE
nightly-captures-of-all   False   Starting   <none>   <none>   <starting>      41s
web                       True    Ready      1        3.4Gi    snap-0123abcd   5m`,
    );
  });

  test('of which one has more images than its record', () => {
    const [, row] = formatPreloads({ ...ready, incomplete: true }, undefined, { now: NOW }).split('\n');
    assert.match(row ?? '', /^web +True +Ready +1\+ +3\.4Gi /);
  });

  test('with other columns', () => {
    assert.equal(
      formatPreloads([ready], undefined, { now: NOW, columns: ['NAMESPACE', 'NAME', 'COVERAGE'] }),
      `NAMESPACE   NAME   COVERAGE
images      web    <unknown>`,
    );
  });

  test('one with an ordinary name fits into 80 columns', () => {
    for (const line of formatPreloads(ready, undefined, { now: NOW }).split('\n')) assert.ok(line.length <= 80);
  });

  test('by name, one per line', () => {
    assert.equal(
      formatPreloads([starting, ready], 'name', { now: NOW }),
      'volumesnapshot.snapshot.storage.k8s.io/nightly-captures-of-all\nvolumesnapshot.snapshot.storage.k8s.io/web',
    );
  });

  test('as JSON: one is an object, several are a list', () => {
    const json = (preloads: PreloadSummary | PreloadSummary[]) =>
      JSON.parse(formatPreloads(preloads, 'json', { now: NOW }));
    const document = { apiVersion: 'kubectl-preload/v1', kind: 'Preload', ...ready };
    assert.deepEqual(json(ready), document);
    assert.deepEqual(json([ready]), { apiVersion: 'kubectl-preload/v1', kind: 'PreloadList', items: [document] });
    assert.deepEqual(json([]), { apiVersion: 'kubectl-preload/v1', kind: 'PreloadList', items: [] });
  });

  test('as YAML', () => {
    assert.equal(
      formatPreloads(starting, 'yaml', { now: NOW }),
      "apiVersion: kubectl-preload/v1\nkind: Preload\nname: nightly-captures-of-all\nnamespace: kube-system\nphase: Starting\ncreated: '2026-11-24T11:59:19Z'",
    );
  });
});
