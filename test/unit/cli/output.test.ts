import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatTable, formatYaml } from '../../../src/cli/output.ts';
import { formatDryRun } from '../../../src/commands/create/run.ts';
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

describe('tables', () => {
  test('have columns three blanks apart and no blanks at the end of a line', () => {
    const rows = [
      ['web', 'x'],
      ['a', ''],
    ];
    assert.equal(formatTable(['NAME', 'SNAPSHOT-ID'], rows), 'NAME   SNAPSHOT-ID\nweb    x\na');
  });

  test('without rows are their head', () => assert.equal(formatTable(['A', 'B'], []), 'A   B'));
});

describe('preloads', () => {
  test('as a table', () => {
    assert.equal(
      formatPreloads([starting, ready], undefined, { now: NOW }),
      `NAME                      READY   PHASE      IMAGES   SIZE     SNAPSHOT-ID     AGE
nightly-captures-of-all   False   Starting   <none>   <none>   <pending>       41s
web                       True    Ready      1        3.4Gi    snap-0123abcd   5m`,
    );
  });

  test('of all namespaces', () => {
    assert.equal(
      formatPreloads([ready], undefined, { now: NOW, withNamespace: true }),
      `NAMESPACE   NAME   READY   PHASE   IMAGES   SIZE    SNAPSHOT-ID     AGE
images      web    True    Ready   1        3.4Gi   snap-0123abcd   5m`,
    );
  });

  test('one of an ordinary name fits 80 columns', () => {
    for (const line of formatPreloads(ready, undefined, { now: NOW }).split('\n')) assert.ok(line.length <= 80);
  });

  test('by name, one per line', () => {
    assert.equal(
      formatPreloads([starting, ready], 'name', { now: NOW }),
      'volumesnapshot.snapshot.storage.k8s.io/nightly-captures-of-all\nvolumesnapshot.snapshot.storage.k8s.io/web',
    );
  });

  test('as JSON: one is an object, several are a list', () => {
    assert.deepEqual(JSON.parse(formatPreloads(ready, 'json', { now: NOW })), ready);
    assert.deepEqual(JSON.parse(formatPreloads([ready], 'json', { now: NOW })), [ready]);
    assert.deepEqual(JSON.parse(formatPreloads([], 'json', { now: NOW })), []);
  });

  test('as YAML', () => {
    assert.equal(
      formatPreloads(starting, 'yaml', { now: NOW }),
      "name: nightly-captures-of-all\nnamespace: kube-system\nphase: Starting\ncreated: '2026-11-24T11:59:19Z'",
    );
  });
});

test('YAML has no references and no wrapped lines', () => {
  const shared = { text: 'a '.repeat(100).trim() };
  assert.equal(formatYaml([shared, shared]), `- text: ${shared.text}\n- text: ${shared.text}`);
});

describe('objects of a dry run', () => {
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'preload-web' } };
  const snapshot = { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot', metadata: { name: 'web' } };
  const objects = [claim, snapshot];

  test('in words', () => {
    assert.equal(
      formatDryRun(objects, undefined),
      `persistentvolumeclaim/preload-web created (dry run)
volumesnapshot.snapshot.storage.k8s.io/web created (dry run)`,
    );
  });

  test('by name', () => {
    assert.equal(
      formatDryRun(objects, 'name'),
      'persistentvolumeclaim/preload-web\nvolumesnapshot.snapshot.storage.k8s.io/web',
    );
  });

  test('as a List that kubectl can create', () => {
    assert.deepEqual(JSON.parse(formatDryRun(objects, 'json')), { apiVersion: 'v1', kind: 'List', items: objects });
  });

  test('as YAML documents', () => {
    assert.equal(formatDryRun(objects, 'yaml'), `${formatYaml(claim)}\n---\n${formatYaml(snapshot)}`);
  });
});
