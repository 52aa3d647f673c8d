import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatYaml } from '../../../../src/cli/output.ts';
import { formatDryRun } from '../../../../src/commands/create/dry-run.ts';

describe('objects of a dry run', () => {
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'preload-web' } };
  const snapshot = { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot', metadata: { name: 'web' } };
  const objects = [claim, snapshot];

  test('as text', () => {
    assert.equal(
      formatDryRun(objects, undefined),
      `persistentvolumeclaim/preload-web created (dry run)
volumesnapshot.snapshot.storage.k8s.io/web created (dry run)`,
    );
  });

  test('as text, if the server has checked them', () => {
    assert.equal(
      formatDryRun([claim], undefined, 'server'),
      'persistentvolumeclaim/preload-web created (server dry run)',
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
