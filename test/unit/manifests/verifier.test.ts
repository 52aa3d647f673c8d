import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type VerifySettings, verifyClaim, verifyConfigMap, verifyPod } from '../../../src/manifests/verifier.ts';
import { PLAIN_POD } from '../../harness/pod-settings.ts';

interface Spec {
  containers: { args: string[]; securityContext: object; volumeMounts: object[] }[];
  volumes: { name: string; [source: string]: unknown }[];
  [other: string]: unknown;
}

const settings: VerifySettings = {
  name: 'web',
  namespace: 'images',
  version: '1.2.3',
  size: '10Gi',
  storageClass: 'disk',
  pod: PLAIN_POD,
  deadline: 1800,
};
const configMap = verifyConfigMap(settings, Buffer.from('b'));
const spec = verifyPod(settings, configMap).spec as Spec;
const [container] = spec.containers;
assert.ok(container);

test('all objects have the same name, and labels for their component', () => {
  const objects = [configMap, verifyClaim(settings), verifyPod(settings, configMap)];
  for (const { metadata } of objects) {
    assert.equal(metadata.name, 'preload-web-verify');
    assert.equal(metadata.namespace, 'images');
    assert.equal(metadata.labels?.['app.kubernetes.io/component'], 'verify');
    assert.equal(metadata.labels?.['app.kubernetes.io/instance'], 'web');
  }
});

test('the claim is a clone of the snapshot', () => {
  assert.deepEqual(verifyClaim(settings).spec, {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'disk',
    dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'web' },
    resources: { requests: { storage: '10Gi' } },
  });
});

describe('the pod may read the volume, and nothing else', () => {
  test('it is not privileged and has only the two capabilities for reading', () => {
    assert.deepEqual(container.securityContext, {
      runAsUser: 0,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['DAC_OVERRIDE', 'SYS_ADMIN'] },
      seccompProfile: { type: 'RuntimeDefault' },
      seLinuxOptions: { type: 'spc_t' },
    });
  });

  test('it shares no namespace with its node and has no access to the API server', () => {
    for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'serviceAccountName']) assert.ok(!(field in spec), field);
    assert.equal(spec.automountServiceAccountToken, false);
  });

  test('its volumes are the tool, the clone, which is read-only, and an empty folder', () => {
    assert.deepEqual(spec.volumes, [
      { name: 'tool', configMap: { name: 'preload-web-verify' } },
      { name: 'volume', persistentVolumeClaim: { claimName: 'preload-web-verify', readOnly: true } },
      { name: 'tmp', emptyDir: {} },
    ]);
    assert.deepEqual(container.volumeMounts, [
      { name: 'tool', mountPath: '/preload', readOnly: true },
      { name: 'volume', mountPath: '/volume', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ]);
    assert.deepEqual(container.args, ['verify', '--volume', '/volume', '--events']);
  });

  test('it runs once, and ends even if the workstation is gone', () => {
    assert.equal(spec.restartPolicy, 'Never');
    assert.equal(spec.activeDeadlineSeconds, 1800);
  });
});

test('it runs on any Linux node, or only on the given one, regardless of its taints', () => {
  assert.deepEqual(spec.nodeSelector, { 'kubernetes.io/os': 'linux' });
  assert.ok(!('affinity' in spec) && !('tolerations' in spec));
  const there = verifyPod({ ...settings, node: 'b' }, configMap).spec as Spec;
  assert.match(JSON.stringify(there.affinity), /"required.*"metadata.name".*"b"/);
  assert.deepEqual(there.tolerations, [{ operator: 'Exists' }]);
});
