import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { loaderConfigMap, loaderSecrets, volumeClaim } from '../../../src/manifests/loader.ts';
import { loaderPod } from '../../../src/manifests/loader-pod.ts';
import { type KubernetesObject, objectName, ownerReference } from '../../../src/manifests/object.ts';
import { vouchFor } from '../../../src/manifests/run-bundle.ts';
import { recordConfigMap, volumeSnapshot } from '../../../src/manifests/snapshot.ts';
import type { PreloadSettings } from '../../../src/model/saved-run.ts';
import { PLAIN_POD } from '../../harness/pod-settings.ts';

const settings: PreloadSettings = {
  name: 'web',
  namespace: 'images',
  version: '1.2.3',
  size: '10Gi',
  pod: PLAIN_POD,
  platform: 'linux/amd64',
  pullSecrets: [],
  deadline: 2400,
};
const bundle = Buffer.from('bundle');
const request = Buffer.from('request');
const run = Buffer.from('run');
const snapshot = volumeSnapshot(settings);
const configMap = loaderConfigMap(settings, { bundle, request, run });

describe('all objects', () => {
  const made: [KubernetesObject, name: string, component: string][] = [
    [configMap, 'configmap/preload-web', 'loader'],
    [volumeClaim(settings, configMap), 'persistentvolumeclaim/preload-web', 'loader'],
    [loaderPod(settings, configMap), 'pod/preload-web', 'loader'],
    [snapshot, 'volumesnapshot.snapshot.storage.k8s.io/web', 'snapshot'],
    [recordConfigMap(settings, request), 'configmap/preloaded-web', 'loader'],
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

  test('claim and pod vouch for the config map', () => {
    const other = loaderConfigMap(settings, { bundle, request, run: Buffer.from('another run') });
    const [{ 'preload.inputs': own }, { 'preload.inputs': others }] = [vouchFor(configMap), vouchFor(other)];
    assert.notEqual(own, others);
    for (const [{ kind, metadata }] of made) {
      const vouches = ['PersistentVolumeClaim', 'Pod'].includes(kind);
      assert.equal(metadata.annotations?.['preload.inputs'], vouches ? own : undefined, kind);
    }
  });
});

describe('config map', () => {
  test('contains bundle, request and run unchanged, and is immutable', () => {
    const { binaryData, immutable } = configMap;
    assert.deepEqual(binaryData, {
      'preload.cjs.gz': bundle.toString('base64'),
      'request.json.gz': request.toString('base64'),
      'run.json.gz': run.toString('base64'),
    });
    assert.equal(immutable, true);
  });

  test('too much data is rejected with a hint', () => {
    const half = randomBytes(512 * 1024);
    assert.ok(loaderConfigMap(settings, { bundle: half, request: half, run: Buffer.alloc(0) }));
    assert.throws(() => loaderConfigMap(settings, { bundle: half, request: half, run: randomBytes(1) }), {
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
    assert.deepEqual(volumeClaim(settings, configMap).spec, {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '10Gi' } },
    });
  });

  test('uses the given class', () => {
    const { storageClassName } = volumeClaim({ ...settings, storageClass: 'fast' }, configMap).spec as Record<
      string,
      unknown
    >;
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
});

test('an owner reference has the fields that the garbage collector needs', () => {
  const owner = {
    ...loaderPod(settings, configMap),
    metadata: { name: 'preload-web', namespace: 'images', uid: 'u-2' },
  };
  assert.deepEqual(ownerReference(owner), { apiVersion: 'v1', kind: 'Pod', name: 'preload-web', uid: 'u-2' });
});
