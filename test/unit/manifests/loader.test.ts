import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { loaderConfigMap, loaderSecrets, type PreloadSettings, volumeClaim } from '../../../src/manifests/loader.ts';
import { loaderPod } from '../../../src/manifests/loader-pod.ts';
import { type KubernetesObject, objectName, ownerReference } from '../../../src/manifests/object.ts';
import { recordConfigMap, volumeSnapshot } from '../../../src/manifests/snapshot.ts';
import { PLAIN_POD } from '../../harness/pod-settings.ts';

const settings: PreloadSettings = {
  name: 'web',
  namespace: 'images',
  version: '1.2.3',
  size: '10Gi',
  pod: PLAIN_POD,
  platform: 'linux/amd64',
  deadline: 2400,
};
const bundle = Buffer.from('bundle');
const request = Buffer.from('request');
const snapshot = volumeSnapshot(settings);
const configMap = loaderConfigMap(settings, bundle, request);

describe('all objects', () => {
  const made: [KubernetesObject, name: string, component: string][] = [
    [configMap, 'configmap/preload-web', 'loader'],
    [volumeClaim(settings), 'persistentvolumeclaim/preload-web', 'loader'],
    [loaderPod(settings, configMap), 'pod/preload-web', 'loader'],
    [snapshot, 'volumesnapshot.snapshot.storage.k8s.io/web', 'snapshot'],
    [recordConfigMap(settings, request, snapshot), 'configmap/preloaded-web', 'record'],
  ];
  for (const [object, name, component] of made) {
    test(`${name} is in the namespace and labelled`, () => {
      assert.equal(objectName(object), name);
      assert.equal(object.metadata.namespace, 'images');
      assert.partialDeepStrictEqual(object.metadata.labels, {
        'app.kubernetes.io/name': 'preload',
        'app.kubernetes.io/instance': 'web',
        'app.kubernetes.io/component': component,
        'app.kubernetes.io/managed-by': 'kubectl-preload',
        'app.kubernetes.io/version': '1.2.3',
      });
    });
  }

  test('only the record has an owner, the snapshot', () => {
    const owned = made.filter(([object]) => object.metadata.ownerReferences).map(([, name]) => name);
    assert.deepEqual(owned, ['configmap/preloaded-web']);
  });
});

describe('config map', () => {
  test('contains bundle and request unchanged, and is immutable', () => {
    const { binaryData, immutable } = loaderConfigMap(settings, bundle, request);
    assert.deepEqual(binaryData, {
      'preload.cjs.gz': bundle.toString('base64'),
      'request.json.gz': request.toString('base64'),
    });
    assert.equal(immutable, true);
  });

  test('too much data is rejected with a hint', () => {
    const half = randomBytes(512 * 1024);
    assert.ok(loaderConfigMap(settings, half, half));
    assert.throws(() => loaderConfigMap(settings, half, randomBytes(half.length + 1)), {
      message: 'the image list is too long for one preload',
      hint: /--exclude/,
    });
  });
});

describe('secrets', () => {
  const logins = (name: string, length: number) => ({
    secrets: [{ namespace: 'team', name }],
    auths: { 'r.io': { password: 'x'.repeat(length) } },
  });
  const half = 512 * 1024;

  test('are none without pull secrets', () => assert.deepEqual(loaderSecrets(settings, []), []));

  test('are one, unless it would be too large', () => {
    const made = loaderSecrets(settings, [logins('a', half), logins('b', half), logins('c', 10), logins('d', half)]);
    assert.deepEqual(
      made.map(({ metadata, data }) => [metadata.name, Object.keys(data as object)]),
      [
        ['preload-web', ['team.a']],
        ['preload-web.2', ['team.b', 'team.c']],
        ['preload-web.3', ['team.d']],
      ],
    );
    for (const { metadata, immutable, data } of made) {
      assert.deepEqual([metadata.labels, immutable], [configMap.metadata.labels, true]);
      const values = Object.values(data as Record<string, string>).map((value) => Buffer.from(value, 'base64'));
      assert.ok(Buffer.concat(values).length < 1024 ** 2);
    }
  });

  test('have keys that Kubernetes accepts', () => {
    const [made] = loaderSecrets(settings, [logins('a'.repeat(253), 1)]);
    assert.deepEqual(
      Object.keys(made?.data as object).map(({ length }) => length),
      [253],
    );
  });
});

describe('claim', () => {
  test('requests the size and uses the default class', () => {
    assert.deepEqual(volumeClaim(settings).spec, {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '10Gi' } },
    });
  });

  test('uses the given class', () => {
    const { storageClassName } = volumeClaim({ ...settings, storageClass: 'fast' }).spec as Record<string, unknown>;
    assert.equal(storageClassName, 'fast');
  });
});

describe('snapshot', () => {
  test('snapshots the claim and uses the default class', () => {
    assert.equal(snapshot.apiVersion, 'snapshot.storage.k8s.io/v1');
    assert.deepEqual(snapshot.spec, { source: { persistentVolumeClaimName: 'preload-web' } });
  });

  test('uses the given class', () => {
    assert.deepEqual(volumeSnapshot({ ...settings, snapshotClass: 'cold' }).spec, {
      volumeSnapshotClassName: 'cold',
      source: { persistentVolumeClaimName: 'preload-web' },
    });
  });

  test('owns its record', () => {
    const created = { ...snapshot, metadata: { ...snapshot.metadata, uid: 'u-1' } };
    const record = recordConfigMap(settings, request, created);
    assert.deepEqual(record.binaryData, { 'preload.json.gz': request.toString('base64') });
    assert.deepEqual(record.metadata.ownerReferences, [
      { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot', name: 'web', uid: 'u-1' },
    ]);
  });
});

test('an owner reference has the fields that the garbage collector needs', () => {
  const owner = {
    ...loaderPod(settings, configMap),
    metadata: { name: 'preload-web', namespace: 'images', uid: 'u-2' },
  };
  assert.deepEqual(ownerReference(owner), { apiVersion: 'v1', kind: 'Pod', name: 'preload-web', uid: 'u-2' });
});
