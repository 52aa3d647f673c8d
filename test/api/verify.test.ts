import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { until } from '../cluster/machine/until.ts';
import { namespace, startTestServer, storageClass } from './api-server.ts';
import { record, recordOf, settings, zipped } from './records.ts';

const server = await startTestServer();
after(server.stop);

/** A snapshot as its controller and its driver leave it. */
const addSnapshot = async (name: string, where = 'default'): Promise<void> => {
  await server.apply(volumeSnapshot(settings(name, where)));
  await server.finishSnapshot(name, where);
  await server.setStatus(`volumesnapshot/${name}`, where, { restoreSize: '3Gi' });
};

const addRecord = async (name: string, where?: string, data?: Buffer): Promise<void> =>
  server.apply(await recordOf(server, name, where, data));

before(async () => {
  await server.apply(volumeSnapshot(settings('young')));
  await addSnapshot('web');
  await addRecord('web');
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
    await addRecord('web', 'restricted');
    await server.refuses(
      ['verify', 'web', '-n', 'restricted'],
      /^error: namespace "restricted" does not allow privileged pods \(PodSecurity: restricted\)$/m,
      /^hint: choose another namespace with -n, or run: kubectl label ns restricted /m,
    );
  });
});

describe('verify needs the record of exactly this snapshot', () => {
  const REMEDY = /^hint: run create again, or use --without-record to compare the volume only with its own checksums$/m;
  const refuses = (name: string, reason: RegExp) => server.refuses(['verify', name], reason, REMEDY);

  test('and refuses if it is missing', async () => {
    await addSnapshot('lost');
    await refuses('lost', /^error: cannot use the record of preload "lost", configmap\/preloaded-lost: not found$/m);
  });

  test('and refuses if it belongs to an earlier snapshot with this name', async () => {
    await addSnapshot('replaced');
    const old = await recordOf(server, 'replaced');
    await server.kubectl(['delete', 'volumesnapshot', 'replaced']);
    await addSnapshot('replaced');
    await server.apply(old); // the garbage collector would soon remove it
    await refuses('replaced', /^error: cannot use the record .*: belongs to another volume snapshot$/m);
  });

  test('and refuses if it cannot be read', async () => {
    await addSnapshot('garbled');
    await addRecord('garbled', 'default', Buffer.from('garbage'));
    await refuses('garbled', /^error: cannot use the record .*: is not gzip data$/m);
  });

  test('and refuses if it has no checksum of the volume', async () => {
    await addSnapshot('unsummed');
    const { checksum: _, ...rest } = record;
    await addRecord('unsummed', 'default', zipped(rest));
    await refuses('unsummed', /^error: the record of preload "unsummed" has no checksum$/m);
  });

  test('unless it is told to do without', async () => {
    await addSnapshot('bare');
    await server.refuses(
      ['verify', 'bare', '--without-record', '--storage-class', 'nowhere'],
      /^error: storage class "nowhere" not found$/m,
      /^hint: choose one/m,
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
      return server.isThere('pod/preload-web-verify');
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
