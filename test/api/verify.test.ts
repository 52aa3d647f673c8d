import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../cluster/machine/until.ts';
import { namespace, startTestServer, storageClass } from './api-server.ts';

const server = await startTestServer();
after(server.stop);

const API = 'snapshot.storage.k8s.io/v1';
const snapshot = (name: string, where = 'default'): object => ({
  apiVersion: API,
  kind: 'VolumeSnapshot',
  metadata: { name, namespace: where },
  spec: { source: { persistentVolumeClaimName: 'gone' } },
});
const content = (name: string, where = 'default'): object => ({
  apiVersion: API,
  kind: 'VolumeSnapshotContent',
  metadata: { name: `content-${where}-${name}` },
  spec: {
    deletionPolicy: 'Delete',
    driver: 'disk.example.com',
    source: { snapshotHandle: 'snap-1' },
    volumeSnapshotRef: { name, namespace: where },
  },
});

/** A snapshot as its controller and its driver leave it. */
const addSnapshot = async (name: string, where = 'default'): Promise<void> => {
  await server.apply(snapshot(name, where), content(name, where));
  const boundVolumeSnapshotContentName = `content-${where}-${name}`;
  await server.setStatus(`volumesnapshotcontent/${boundVolumeSnapshotContentName}`, where, {
    snapshotHandle: 'snap-1',
  });
  const status = { readyToUse: true, restoreSize: '3Gi', boundVolumeSnapshotContentName };
  await server.setStatus(`volumesnapshot/${name}`, where, status);
};

before(async () => {
  await server.apply(snapshot('young'));
  await addSnapshot('web');
});

describe('verify creates nothing', () => {
  test('if the preload does not exist', () =>
    server.refuses(
      ['verify', 'nothing'],
      /^error: volume snapshot "nothing" not found in namespace "default"$/m,
      /^hint: use verify with a preload that is ready; see: kubectl preload status -n default$/m,
    ));

  test('if the snapshot is not ready', () =>
    server.refuses(['verify', 'young'], /^error: volume snapshot "young" is not ready$/m, /^hint: use verify/m));

  test('if no storage class uses the snapshot’s driver', async () => {
    await server.apply(storageClass('foreign', { isDefault: true, provisioner: 'other.example.com' }));
    await server.refuses(
      ['verify', 'web'],
      /^error: no storage class uses driver disk\.example\.com, which made the snapshot$/m,
      /^hint: create one first$/m,
    );
  });

  test('if the storage class uses another driver', async () => {
    await server.apply(storageClass('disk'));
    await server.refuses(
      ['verify', 'web', '--storage-class', 'foreign'],
      /^error: storage class "foreign" does not use driver disk\.example\.com, which made the snapshot$/m,
      /^hint: choose one with --storage-class: disk$/m,
    );
  });

  test('if the namespace does not allow privileged pods', async () => {
    await server.apply(...namespace('restricted', { 'pod-security.kubernetes.io/enforce': 'restricted' }));
    await addSnapshot('web', 'restricted');
    await server.refuses(
      ['verify', 'web', '-n', 'restricted'],
      /^error: namespace "restricted" does not allow privileged pods \(PodSecurity: restricted\)$/m,
      /^hint: choose another namespace with -n, or run: kubectl label ns restricted /m,
    );
  });
});

describe('a user with only these permissions', () => {
  const rule = (apiGroups: string[], resources: string[], verbs: string[]) => ({ apiGroups, resources, verbs });
  const RULES = [
    rule([''], ['pods', 'persistentvolumeclaims', 'configmaps'], ['get', 'create', 'patch', 'delete']),
    rule([''], ['pods/log'], ['get']),
    rule([''], ['events'], ['list']),
    rule(['snapshot.storage.k8s.io'], ['volumesnapshots', 'volumesnapshotcontents'], ['get']),
    rule(['storage.k8s.io'], ['storageclasses'], ['list']),
  ];

  test('can run verify', async () => {
    const name = 'verifier';
    const api = 'rbac.authorization.k8s.io';
    await server.apply(
      { apiVersion: `${api}/v1`, kind: 'ClusterRole', metadata: { name }, rules: RULES },
      {
        apiVersion: `${api}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: api, kind: 'ClusterRole', name },
        subjects: [{ apiGroup: api, kind: 'User', name: 'jane' }],
      },
    );
    const before = await server.objects();
    const run = server.start('verify', 'web', '--as', 'jane');
    await until('the pod', async () => {
      assert.equal(run.child.exitCode, null, run.said.stderr);
      return (await server.objects()).includes('Pod/default/preload-web-verify');
    });
    const claim = [
      'get',
      'pvc',
      'preload-web-verify',
      '-o',
      'jsonpath={.spec.storageClassName} {.spec.resources.requests.storage}',
    ];
    assert.equal(await server.kubectl(claim), 'disk 3Gi');
    const message = 'exec: "node": executable file not found in $PATH';
    const terminated = { exitCode: 128, reason: 'StartError', message };
    const container = { name: 'loader', image: 'i', imageID: '', ready: false, restartCount: 0, state: { terminated } };
    await server.setStatus('pod/preload-web-verify', 'default', { phase: 'Failed', containerStatuses: [container] });
    const { code, stdout, stderr } = await run.outcome;
    assert.deepEqual([code, stdout], [1, '']);
    assert.ok(stderr.includes(message), stderr);
    assert.doesNotMatch(stderr, /Forbidden/);
    assert.match(stderr, /✓ Removed pod\/preload-web-verify, persistentvolumeclaim\/preload-web-verify, configmap\//);
    assert.deepEqual(await server.objects(), before);
  });
});
